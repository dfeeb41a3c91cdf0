//! The protocol against a guest that does what a test tells it.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::PAGE_BYTES;
use crate::interface::Free;
use crate::memory::double::VecMemory;
use crate::memory::write;

const MALLOC: ExportId = ExportId(0);
const FREE: ExportId = ExportId(1);
const HOOK: ExportId = ExportId(2);

/// What went wrong, as an engine would tell it.
#[derive(Debug, Clone, PartialEq)]
enum Failure {
    Trap(&'static str),
    Protocol(ProtocolError),
}

impl From<ProtocolError> for Failure {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

/// What one call of the guest does.
enum Step {
    /// Returns this.
    Give(Option<Value>),
    /// Writes this, then returns that.
    Write(u32, Vec<u8>, Option<Value>),
    /// Traps.
    Trap(&'static str),
}

/// A guest that takes one step per call, in order, and keeps what it was asked.
struct ScriptedGuest {
    memory: VecMemory,
    steps: VecDeque<Step>,
    calls: Vec<(ExportId, Vec<Value>)>,
    /// What lay at the pointer and length that each call but the allocator's got.
    seen: Vec<Vec<Vec<u8>>>,
}

impl ScriptedGuest {
    /// One page of memory, up to `max_pages`.
    fn new(max_pages: u64, steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            memory: VecMemory::new(1, max_pages),
            steps: steps.into_iter().collect(),
            calls: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// The calls as text: the export's name and its arguments.
    fn journal(&self) -> Vec<String> {
        let name = |id| match id {
            MALLOC => "malloc",
            FREE => "free",
            _ => "hook",
        };
        let told = self.calls.iter().map(|(id, args)| {
            let args: Vec<String> = args
                .iter()
                .map(|arg| match arg {
                    Value::I32(bits) => bits.cast_unsigned().to_string(),
                    other => format!("{other:?}"),
                })
                .collect();
            format!("{}({})", name(*id), args.join(", "))
        });
        told.collect()
    }
}

impl Guest for ScriptedGuest {
    type Error = Failure;

    fn memory(&mut self) -> &mut dyn GuestMemory {
        &mut self.memory
    }

    async fn call(&mut self, export: ExportId, args: &[Value]) -> Result<Option<Value>, Failure> {
        self.calls.push((export, args.to_vec()));
        if export == HOOK {
            let spans = args.chunks_exact(2).map(|pair| match pair {
                [Value::I32(ptr), Value::I32(len)] => {
                    read(&mut self.memory, ptr.cast_unsigned(), len.cast_unsigned())
                        .unwrap()
                        .to_vec()
                }
                other => panic!("{other:?}"),
            });
            let spans = spans.collect();
            self.seen.push(spans);
        }
        match self.steps.pop_front() {
            Some(Step::Give(value)) => Ok(value),
            Some(Step::Write(ptr, bytes, value)) => {
                write(&mut self.memory, ptr, &bytes).unwrap();
                Ok(value)
            }
            Some(Step::Trap(message)) => Err(Failure::Trap(message)),
            None => panic!("a call too many: {:?}", self.journal()),
        }
    }
}

fn pointer(ptr: u32) -> Step {
    Step::Give(Some(Value::from_u32(ptr)))
}

fn packed(ptr: u32, len: u32) -> Option<Value> {
    Some(Value::I64(Packed::new(ptr, len).0.cast_signed()))
}

fn answer(ptr: u32, text: &str) -> Step {
    Step::Write(ptr, text.as_bytes().to_vec(), packed(ptr, text.len() as u32))
}

fn nothing() -> Step {
    Step::Give(None)
}

fn allocator(sized: bool) -> Allocator {
    Allocator { alloc: MALLOC, free: Some(Free { export: FREE, sized }) }
}

const NO_FREE: Allocator = Allocator { alloc: MALLOC, free: None };

const LIMIT: u64 = 1000;

/// A hook's call through `placement`, the output as text.
fn call(
    guest: &mut ScriptedGuest,
    placement: &mut Placement,
    free: Option<Allocator>,
    input: &str,
) -> Result<Option<String>, Failure> {
    // In parts, of which some are empty: what the guest sees is the whole.
    let (first, second) = input.as_bytes().split_at(input.len() / 2);
    let call = PackedCall {
        export: HOOK,
        output_free: free,
        output_limit: LIMIT,
        input: &[first, b"", second],
    };
    let mut output = None;
    let mut read = |bytes: &[u8]| output = Some(String::from_utf8_lossy(bytes).into_owned());
    let any = pollster::block_on(call_packed(guest, call, placement, &mut read))?;
    assert_eq!(any, output.is_some());
    Ok(output)
}

fn hook(guest: &mut ScriptedGuest, allocator: Allocator) -> Result<Option<String>, Failure> {
    call(guest, &mut Placement::hook(allocator), Some(allocator), "input")
}

#[test]
fn output_is_freed_before_input_in_either_arity() {
    for (allocator, frees) in [
        (allocator(false), &["free(300)", "free(100)"][..]),
        (allocator(true), &["free(300, 3)", "free(100, 5)"]),
        (NO_FREE, &[]),
    ] {
        let mut guest =
            ScriptedGuest::new(1, [pointer(100), answer(300, "out"), nothing(), nothing()]);
        assert_eq!(hook(&mut guest, allocator), Ok(Some("out".to_owned())));
        let mut wanted = vec!["malloc(5)", "hook(100, 5)"];
        wanted.extend(frees);
        assert_eq!(guest.journal(), wanted);
        assert_eq!(guest.seen, [[b"input"]]);
    }
}

#[test]
fn an_answer_in_the_inputs_own_buffer_is_freed_once() {
    // The input again, its beginning, its end; and what lies just behind it is another buffer.
    for (ptr, text, own) in
        [(100, "input", true), (100, "in", true), (102, "put", true), (105, "out", false)]
    {
        let mut guest =
            ScriptedGuest::new(1, [pointer(100), answer(ptr, text), nothing(), nothing()]);
        assert_eq!(hook(&mut guest, allocator(true)), Ok(Some(text.to_owned())));
        let calls = guest.journal();
        let frees: Vec<&String> = calls.iter().filter(|call| call.starts_with("free")).collect();
        if own {
            assert_eq!(frees, ["free(100, 5)"]);
        } else {
            assert_eq!(frees, ["free(105, 3)", "free(100, 5)"]);
        }
    }
}

#[test]
fn no_output_frees_only_the_input() {
    for result in [packed(0, 0), packed(4096, 0), packed(u32::MAX, 0)] {
        let mut guest = ScriptedGuest::new(1, [pointer(100), Step::Give(result), nothing()]);
        assert_eq!(hook(&mut guest, allocator(false)), Ok(None));
        assert_eq!(guest.journal(), ["malloc(5)", "hook(100, 5)", "free(100)"]);
    }
}

#[test]
fn address_0_is_legal_for_a_hook() {
    let mut guest = ScriptedGuest::new(1, [pointer(0), answer(5, "out"), nothing(), nothing()]);
    assert_eq!(hook(&mut guest, allocator(false)), Ok(Some("out".to_owned())));
    assert_eq!(guest.journal(), ["malloc(5)", "hook(0, 5)", "free(5)", "free(0)"]);

    let mut guest = ScriptedGuest::new(1, [pointer(16), answer(0, "out"), nothing(), nothing()]);
    assert_eq!(hook(&mut guest, allocator(false)), Ok(Some("out".to_owned())));
}

#[test]
fn address_0_sends_an_action_to_the_hosts_pages() {
    let mut guest = ScriptedGuest::new(2, [pointer(0), Step::Give(Some(Value::I32(0)))]);
    let mut placement = Placement::action(Some(allocator(false)));
    let status = pollster::block_on(call_status(&mut guest, HOOK, &mut placement, &[b"params"]));
    assert_eq!(status, Ok(0));
    assert_eq!(guest.journal(), ["malloc(6)", "hook(65536, 6)"], "and nothing is freed");
    assert_eq!(guest.seen, [[b"params"]]);
}

#[test]
fn pages_of_the_host_are_kept_and_output_is_still_freed() {
    let mut placement = Placement::host_pages();
    let mut guest =
        ScriptedGuest::new(2, [answer(300, "out"), nothing(), answer(310, "more"), nothing()]);
    for (input, output) in [("one", "out"), ("twelve", "more")] {
        let told = call(&mut guest, &mut placement, Some(allocator(true)), input);
        assert_eq!(told, Ok(Some(output.to_owned())));
    }
    let wanted = ["hook(65536, 3)", "free(300, 3)", "hook(65536, 6)", "free(310, 4)"];
    assert_eq!(guest.journal(), wanted);
    assert_eq!(guest.memory.bytes.len() as u64, 2 * PAGE_BYTES);
}

/// The guest's allocator never gave those pages out, so it must not be told to take them back.
#[test]
fn an_echo_in_the_hosts_pages_is_not_freed() {
    for (ptr, text) in [(65_536, "input"), (65_538, "put")] {
        let mut guest = ScriptedGuest::new(2, [answer(ptr, text)]);
        let mut placement = Placement::host_pages();
        let told = call(&mut guest, &mut placement, Some(allocator(false)), "input");
        assert_eq!(told, Ok(Some(text.to_owned())));
        assert_eq!(guest.journal(), ["hook(65536, 5)"]);
    }
}

#[test]
fn pages_that_cannot_be_made_are_told() {
    let mut guest = ScriptedGuest::new(1, []);
    let told = call(&mut guest, &mut Placement::host_pages(), None, "input");
    let grow = GrowError::new(PAGE_BYTES, 1);
    assert_eq!(told, Err(Failure::Protocol(ProtocolError::Grow(grow))));
    assert_eq!(
        ProtocolError::Grow(grow).to_string(),
        "out of memory: 65536 bytes are in use and 65536 more were refused"
    );
}

#[test]
fn a_place_outside_the_memory_ends_the_call() {
    for ptr in [65_532, 65_536, u32::MAX] {
        let mut guest = ScriptedGuest::new(1, [pointer(ptr)]);
        let Err(Failure::Protocol(error)) = hook(&mut guest, allocator(false)) else { panic!() };
        assert!(
            error.to_string().starts_with("the plugin's allocator returned invalid memory access"),
            "{error}"
        );
        assert!(matches!(error, ProtocolError::Allocation { source } if source.ptr == ptr));
        assert_eq!(guest.journal(), ["malloc(5)"], "nothing is called afterwards");
    }
}

#[test]
fn output_outside_the_memory_or_over_the_limit_ends_the_call() {
    // (pointer, length): 4 GiB less one from 0, the last byte, one past the end, a wrapping sum.
    for (ptr, len) in [(0, u32::MAX), (65_535, 2), (65_536, 1), (u32::MAX, u32::MAX), (300, 70_000)]
    {
        let mut guest = ScriptedGuest::new(1, [pointer(100), Step::Give(packed(ptr, len))]);
        let Err(Failure::Protocol(ProtocolError::Output { source })) =
            hook(&mut guest, allocator(false))
        else {
            panic!("{ptr} {len}")
        };
        assert_eq!((source.ptr, source.len, source.memory_bytes), (ptr, len.into(), PAGE_BYTES));
        assert_eq!(guest.journal(), ["malloc(5)", "hook(100, 5)"], "nothing is called afterwards");
    }

    for (len, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
        let result = packed(300, len as u32);
        let steps = [pointer(100), Step::Give(result), nothing(), nothing()];
        let mut guest = ScriptedGuest::new(1, steps);
        let told = hook(&mut guest, allocator(false));
        if fits {
            assert_eq!(told.unwrap().unwrap().len() as u64, LIMIT);
        } else {
            let error = ProtocolError::OutputTooLong { len, limit: LIMIT };
            assert!(error.to_string().contains("more than the limit of 1000"), "{error}");
            assert_eq!(told, Err(Failure::Protocol(error)));
            assert_eq!(guest.calls.len(), 2);
        }
    }
}

#[test]
fn a_result_of_the_wrong_type_ends_the_call() {
    let wrong = |found: Option<ValueType>, wanted| {
        Err(Failure::Protocol(ProtocolError::Result { found: OptionalType(found), wanted }))
    };
    for (value, found) in [
        (None, None),
        (Some(Value::I64(8)), Some(ValueType::I64)),
        (Some(Value::F32(8.0)), Some(ValueType::F32)),
        (Some(Value::F64(8.0)), Some(ValueType::F64)),
    ] {
        let mut guest = ScriptedGuest::new(1, [Step::Give(value)]);
        assert_eq!(hook(&mut guest, allocator(false)), wrong(found, ValueType::I32));
        assert_eq!(guest.calls.len(), 1);
    }
    for (value, found) in [(None, None), (Some(Value::I32(8)), Some(ValueType::I32))] {
        let mut guest = ScriptedGuest::new(1, [pointer(100), Step::Give(value)]);
        assert_eq!(hook(&mut guest, allocator(false)), wrong(found, ValueType::I64));
        assert_eq!(guest.calls.len(), 2);
    }
    let mut guest = ScriptedGuest::new(1, [pointer(100), nothing()]);
    let mut placement = Placement::action(Some(NO_FREE));
    let status = pollster::block_on(call_status(&mut guest, HOOK, &mut placement, &[b"{}"]));
    let Err(Failure::Protocol(error)) = status else { panic!("{status:?}") };
    assert_eq!(error.to_string(), "an export returned nothing, wanted i32");
}

#[test]
fn a_trap_is_told_and_nothing_is_called_afterwards() {
    let steps = || [pointer(100), answer(300, "out"), nothing(), nothing()];
    for at in 0..4 {
        let mut steps: Vec<Step> = steps().into_iter().collect();
        steps[at] = Step::Trap("unreachable");
        let mut guest = ScriptedGuest::new(1, steps);
        assert_eq!(hook(&mut guest, allocator(false)), Err(Failure::Trap("unreachable")));
        assert_eq!(guest.calls.len(), at + 1);
    }
}

#[test]
fn two_inputs_lie_side_by_side_and_aligned() {
    for (guest_allocator, start) in [(None, 65_536), (Some(allocator(true)), 800)] {
        for (first, second, offset) in
            [("{\"a\":1}", "{}", 8), ("12345678", "x", 8), ("", "ctx", 0), ("123456789", "", 16)]
        {
            let mut steps = vec![Step::Give(Some(Value::I32(3)))];
            if guest_allocator.is_some() {
                steps.insert(0, pointer(start));
                steps.push(nothing());
            }
            let mut guest = ScriptedGuest::new(2, steps);
            let mut placement = Placement::action(guest_allocator);
            let inputs = [first.as_bytes(), second.as_bytes()];
            let status = pollster::block_on(call_status(&mut guest, HOOK, &mut placement, &inputs));
            assert_eq!(status, Ok(3));
            let (n, m) = (first.len(), second.len());
            let mut wanted = vec![format!("hook({start}, {n}, {}, {m})", start + offset)];
            if guest_allocator.is_some() {
                let whole = offset as usize + m;
                wanted.insert(0, format!("malloc({whole})"));
                wanted.push(format!("free({start}, {whole})"));
            }
            assert_eq!(guest.journal(), wanted);
            assert_eq!(guest.seen, [[first.as_bytes(), second.as_bytes()]]);
        }
    }
}

#[test]
fn a_packed_result_without_input_is_copied_and_left_to_the_guest() {
    let told = |step| {
        let mut guest = ScriptedGuest::new(1, [step]);
        let name = pollster::block_on(call_for_packed(&mut guest, HOOK, LIMIT));
        assert_eq!(guest.journal(), ["hook()"]);
        name
    };
    assert_eq!(told(answer(40, "name")), Ok(Some(b"name".to_vec())));
    assert_eq!(told(Step::Give(packed(40, 0))), Ok(None));
    assert!(matches!(
        told(Step::Give(packed(40, 1001))),
        Err(Failure::Protocol(ProtocolError::OutputTooLong { len: 1001, limit: LIMIT }))
    ));
    assert!(matches!(
        told(Step::Give(Some(Value::I64(-1)))),
        Err(Failure::Protocol(ProtocolError::Output { .. }))
    ));
    assert_eq!(told(Step::Trap("abort")), Err(Failure::Trap("abort")));
}

/// Numbers near the edges of a page, of the limit and of 32 bits, and any.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..8, 990u32..1010, 65_500u32..65_560, u32::MAX - 8..=u32::MAX, any::<u32>()]
}

proptest! {
    /// Whatever pointers and lengths a guest returns: no panic, and exactly those are
    /// accepted whose every byte is inside the memory, up to the limit.
    #[test]
    fn only_what_is_inside_is_accepted(place in number(), ptr in number(), len in number(), sized: bool) {
        let steps = [pointer(place), Step::Give(packed(ptr, len)), nothing(), nothing()];
        let mut guest = ScriptedGuest::new(1, steps);
        let told = hook(&mut guest, allocator(sized));
        // Counted in 128 bits, which none of these can overflow.
        let inside = |ptr: u32, len: u32| u128::from(ptr) + u128::from(len) <= 65_536;
        if !inside(place, 5) {
            let refused = matches!(told, Err(Failure::Protocol(ProtocolError::Allocation { .. })));
            prop_assert!(refused);
        } else if len == 0 {
            prop_assert_eq!(told, Ok(None));
        } else if !inside(ptr, len) {
            let refused = matches!(told, Err(Failure::Protocol(ProtocolError::Output { .. })));
            prop_assert!(refused);
        } else if u64::from(len) > LIMIT {
            let refused =
                matches!(told, Err(Failure::Protocol(ProtocolError::OutputTooLong { .. })));
            prop_assert!(refused);
        } else {
            prop_assert_eq!(told.unwrap().unwrap().is_empty(), false);
        }
    }

    /// The same for actions, whose second input must lie inside too.
    #[test]
    fn no_place_makes_a_status_call_panic(place in number(), first in 0usize..40, second in 0usize..40) {
        let steps = [pointer(place), Step::Give(Some(Value::I32(0))), nothing()];
        let mut guest = ScriptedGuest::new(2, steps);
        let mut placement = Placement::action(Some(allocator(false)));
        let inputs = [vec![b'p'; first], vec![b'c'; second]];
        let slices: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let status = pollster::block_on(call_status(&mut guest, HOOK, &mut placement, &slices));
        let whole = first.next_multiple_of(8) + second;
        let inside = place == 0 || u64::from(place) + whole as u64 <= PAGE_BYTES;
        prop_assert_eq!(status.is_ok(), inside);
        if inside {
            prop_assert_eq!(&guest.seen[0], &inputs.to_vec());
        }
    }
}
