//! What controllers say that one message alone does not: how far they moved, and parameters of two
//! numbers of seven bits.

use std::collections::HashMap;

use super::Cause;

const DATA: u8 = 6;
const DATA_LOW: u8 = 38;
const NRPN_LOW: u8 = 98;
const NRPN_HIGH: u8 = 99;
const RPN_LOW: u8 = 100;
const RPN_HIGH: u8 = 101;

/// What was last heard of each controller.
#[derive(Debug, Clone, Default)]
pub(crate) struct Controls {
    /// By channel and controller.
    values: HashMap<(u8, u8), u8>,
    /// By channel.
    parameters: HashMap<u8, Parameter>,
}

/// The non-registered parameter that a channel's data is for, as far as it was said.
#[derive(Debug, Clone, Copy, Default)]
struct Parameter {
    high: Option<u8>,
    low: Option<u8>,
    data: u16,
}

impl Controls {
    /// What a controller's message comes to: its own movement, and perhaps a parameter.
    pub(super) fn moved(&mut self, channel: u8, cc: u8, value: u8) -> (Cause, Option<Cause>) {
        let previous = self.values.insert((channel, cc), value);
        let parameter = self.parameter(channel, cc, value);
        (Cause::Controller { channel, cc, value, previous }, parameter)
    }

    /// The parameter that a controller's message sets.
    pub(crate) fn parameter_of(&mut self, channel: u8, cc: u8, value: u8) -> Option<u16> {
        match self.parameter(channel, cc, value)? {
            Cause::Nrpn { parameter, .. } => Some(parameter),
            _ => None,
        }
    }

    /// A parameter is set by each message with data. One with the high seven bits has 0 for the low ones, which may follow.
    fn parameter(&mut self, channel: u8, cc: u8, value: u8) -> Option<Cause> {
        let parameter = self.parameters.entry(channel).or_default();
        match cc {
            NRPN_HIGH => *parameter = Parameter { high: Some(value), data: 0, ..*parameter },
            NRPN_LOW => *parameter = Parameter { low: Some(value), data: 0, ..*parameter },
            // Data is for a registered parameter from now on.
            RPN_LOW | RPN_HIGH => *parameter = Parameter::default(),
            DATA => parameter.data = u16::from(value) << 7,
            DATA_LOW => parameter.data = (parameter.data & !0x7f) | u16::from(value),
            _ => {}
        }
        if !matches!(cc, DATA | DATA_LOW) {
            return None;
        }
        let number = u16::from(parameter.high?) << 7 | u16::from(parameter.low?);
        // 127 and 127 is no parameter: it says that there is none.
        (number != 0x3fff).then_some(Cause::Nrpn {
            channel,
            parameter: number,
            value: parameter.data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages `cc value`, and the parameters that they set: `parameter=value`.
    fn check(messages: &[(u8, u8)], wanted: &str) {
        let mut controls = Controls::default();
        let set =
            messages.iter().filter_map(|(cc, value)| match controls.moved(1, *cc, *value).1? {
                Cause::Nrpn { parameter, value, .. } => Some(format!("{parameter}={value}")),
                _ => None,
            });
        assert_eq!(set.collect::<Vec<_>>().join(" "), wanted, "{messages:?}");
    }

    #[test]
    fn parameters() {
        check(&[(99, 1), (98, 2), (6, 3)], "130=384");
        check(&[(99, 1), (98, 2), (6, 3), (38, 4)], "130=384 130=388");
        check(&[(98, 2), (99, 1), (6, 3), (6, 4)], "130=384 130=512");
        check(&[(99, 1), (98, 2), (38, 4), (6, 3)], "130=4 130=384");
        check(&[(99, 1), (98, 2), (6, 3), (98, 3), (38, 1)], "130=384 131=1");
        check(&[(6, 3), (99, 1), (6, 3)], "");
        check(&[(99, 1), (98, 2), (101, 0), (100, 0), (6, 3)], "");
        check(&[(99, 127), (98, 127), (6, 3)], "");
        check(&[(99, 0), (98, 0), (7, 3)], "");
    }

    #[test]
    fn channels_have_values_of_their_own() {
        let mut controls = Controls::default();
        let mut previous = |channel, value| match controls.moved(channel, 7, value).0 {
            Cause::Controller { previous, .. } => previous,
            other => panic!("{other:?}"),
        };
        assert_eq!(previous(1, 5), None);
        assert_eq!(previous(2, 6), None);
        assert_eq!(previous(1, 7), Some(5));
    }
}
