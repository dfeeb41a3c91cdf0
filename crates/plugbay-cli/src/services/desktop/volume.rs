//! The volume, by whichever program the system has for it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use plugbay::{ServiceError, find_program, program_environment};

/// How long a program may take. A sound server that hangs holds it up.
const TIME: Duration = Duration::from_secs(3);

/// A program that sets the volume, and its arguments for a change.
struct Mixer {
    program: &'static str,
    arguments: fn(Change) -> Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    To(u8),
    Up(u8),
    Down(u8),
    Mute(bool),
}

/// The first that is there is used: PipeWire's, PulseAudio's, ALSA's, and the one of macOS.
const MIXERS: [Mixer; 4] = [
    Mixer { program: "wpctl", arguments: wpctl },
    Mixer { program: "pactl", arguments: pactl },
    Mixer { program: "amixer", arguments: amixer },
    Mixer { program: "osascript", arguments: osascript },
];

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn wpctl(change: Change) -> Vec<String> {
    let sink = "@DEFAULT_AUDIO_SINK@";
    match change {
        Change::To(percent) => words(&["set-volume", sink, &format!("{percent}%")]),
        // It would go on beyond what there is.
        Change::Up(percent) => words(&["set-volume", "-l", "1.0", sink, &format!("{percent}%+")]),
        Change::Down(percent) => words(&["set-volume", sink, &format!("{percent}%-")]),
        Change::Mute(mute) => words(&["set-mute", sink, if mute { "1" } else { "0" }]),
    }
}

fn pactl(change: Change) -> Vec<String> {
    let sink = "@DEFAULT_SINK@";
    match change {
        Change::To(percent) => words(&["set-sink-volume", sink, &format!("{percent}%")]),
        Change::Up(percent) => words(&["set-sink-volume", sink, &format!("+{percent}%")]),
        Change::Down(percent) => words(&["set-sink-volume", sink, &format!("-{percent}%")]),
        Change::Mute(mute) => words(&["set-sink-mute", sink, if mute { "1" } else { "0" }]),
    }
}

fn amixer(change: Change) -> Vec<String> {
    let to = match change {
        Change::To(percent) => format!("{percent}%"),
        Change::Up(percent) => format!("{percent}%+"),
        Change::Down(percent) => format!("{percent}%-"),
        Change::Mute(true) => "mute".to_owned(),
        Change::Mute(false) => "unmute".to_owned(),
    };
    words(&["-q", "sset", "Master", &to])
}

fn osascript(change: Change) -> Vec<String> {
    let now = "(output volume of (get volume settings))";
    let script = match change {
        Change::To(percent) => format!("set volume output volume {percent}"),
        Change::Up(percent) => format!("set volume output volume {now} + {percent}"),
        Change::Down(percent) => format!("set volume output volume {now} - {percent}"),
        Change::Mute(true) => "set volume with output muted".to_owned(),
        Change::Mute(false) => "set volume without output muted".to_owned(),
    };
    words(&["-e", &script])
}

fn change(text: &str) -> Option<Change> {
    let percent = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|percent| digits && *percent <= 100_u8)
    };
    Some(match text {
        "mute" => Change::Mute(true),
        "unmute" => Change::Mute(false),
        _ => match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(up), _) => Change::Up(percent(up)?),
            (_, Some(down)) => Change::Down(percent(down)?),
            _ => Change::To(percent(text)?),
        },
    })
}

/// Whether there is a program for it.
pub(super) fn find() -> Result<(), ServiceError> {
    mixer().map(drop)
}

fn mixer() -> Result<(std::path::PathBuf, &'static Mixer), ServiceError> {
    let found = MIXERS.iter().find_map(|mixer| Some((find_program(mixer.program).ok()?, mixer)));
    found.ok_or(ServiceError::Unavailable(
        "nothing here sets the volume: wpctl, pactl, amixer and osascript are not in PATH",
    ))
}

pub(super) fn set(text: &str) -> Result<(), ServiceError> {
    let change = change(text).ok_or_else(|| ServiceError::Invalid {
        found: text.to_owned(),
        wanted: "volume: such as 50, +5, -5, mute or unmute, up to 100",
    })?;
    let (path, Mixer { program, arguments }) = mixer()?;
    let mut command = Command::new(path);
    command.args(arguments(change)).env_clear().envs(program_environment());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let failed = |why: String| ServiceError::Failed(format!("{program}: {why}"));
    let mut running = command.spawn().map_err(|error| failed(error.kind().to_string()))?;
    let began = Instant::now();
    loop {
        match running.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(failed(format!("it ended with {status}"))),
            Ok(None) if began.elapsed() < TIME => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = running.kill();
                let _ = running.wait();
                return Err(failed(format!("it took longer than {} s", TIME.as_secs())));
            }
            Err(error) => return Err(failed(error.kind().to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes() {
        for (text, expected) in [
            ("50", Some(Change::To(50))),
            ("+5", Some(Change::Up(5))),
            ("-100", Some(Change::Down(100))),
            ("mute", Some(Change::Mute(true))),
            ("unmute", Some(Change::Mute(false))),
            ("101", None),
            ("++5", None),
            ("+-5", None),
            ("5%", None),
            ("", None),
            ("loud", None),
        ] {
            assert_eq!(change(text), expected, "{text}");
        }
    }

    #[test]
    fn what_programs_are_told() {
        let all = [Change::To(50), Change::Up(5), Change::Down(7), Change::Mute(true)];
        let mut told = String::new();
        for Mixer { program, arguments } in &MIXERS {
            for change in all {
                told += &format!("{program} {}\n", arguments(change).join(" "));
            }
        }
        expect_test::expect![[r#"
            wpctl set-volume @DEFAULT_AUDIO_SINK@ 50%
            wpctl set-volume -l 1.0 @DEFAULT_AUDIO_SINK@ 5%+
            wpctl set-volume @DEFAULT_AUDIO_SINK@ 7%-
            wpctl set-mute @DEFAULT_AUDIO_SINK@ 1
            pactl set-sink-volume @DEFAULT_SINK@ 50%
            pactl set-sink-volume @DEFAULT_SINK@ +5%
            pactl set-sink-volume @DEFAULT_SINK@ -7%
            pactl set-sink-mute @DEFAULT_SINK@ 1
            amixer -q sset Master 50%
            amixer -q sset Master 5%+
            amixer -q sset Master 7%-
            amixer -q sset Master mute
            osascript -e set volume output volume 50
            osascript -e set volume output volume (output volume of (get volume settings)) + 5
            osascript -e set volume output volume (output volume of (get volume settings)) - 7
            osascript -e set volume with output muted
        "#]]
        .assert_eq(&told);
    }
}
