//! The functions on a memory of 256 bytes that holds 0, 1, 2 and so on.

use plugbay_runtime::abi::GrowError;

use super::*;

struct Memory(Vec<u8>);

impl GuestMemory for Memory {
    fn bytes(&mut self) -> &mut [u8] {
        &mut self.0
    }

    fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
        Err(GrowError::new(self.0.len() as u64, pages))
    }
}

struct Call {
    bodies: Arc<CallBodies>,
    handed: Handed,
    memory: Memory,
}

impl Call {
    fn new(given: Given) -> Self {
        let bodies = Arc::new(CallBodies::new(20));
        let handed = bodies.hand(given);
        Self { bodies, handed, memory: Memory((0..=255).collect()) }
    }

    /// A request `abcdefgh` that may be written to.
    fn writable() -> Self {
        Self::new(Given::http_pre(&Body::from_bytes("abcdefgh")))
    }

    fn ask(&mut self, field: &str, args: &[Value]) -> HostResult {
        self.bodies.call(field, &mut self.memory, args).unwrap()
    }

    /// Reads, writes or cuts; 4 arguments are the ranges'.
    fn ranged(&mut self, field: &str, (which, offset, ptr, len): Range) -> Result<i32, TrapKind> {
        let args = [Value::I32(which), Value::I64(offset), Value::I32(ptr), Value::I32(len)];
        let args = if field == "body_truncate" { &args[..2] } else { &args[..] };
        let price = self.bodies.fuel(field, args);
        let reply = self.ask(field, args);
        // Nothing is priced that is not done, and nothing done that is not priced.
        match reply {
            Ok(Some(Value::I32(done))) => {
                assert!(done > 0 || price == 0 || field == "body_truncate", "{field} {price}");
                assert!(done <= 0 || price > 0, "{field} {done}");
                Ok(done)
            }
            Ok(other) => panic!("{other:?}"),
            Err(kind) => Err(kind),
        }
    }

    fn len(&mut self, which: i32) -> i64 {
        match self.ask("body_len", &[Value::I32(which)]) {
            Ok(Some(Value::I64(len))) => len,
            other => panic!("{other:?}"),
        }
    }

    fn written(self) -> Option<String> {
        let edits = self.handed.edits();
        edits.request.map(|body| String::from_utf8(body.bytes().to_vec()).unwrap())
    }
}

type Range = (i32, i64, i32, i32);

#[test]
fn each_hook_has_its_bodies() {
    let (request, response) = (Body::from_bytes("request"), Body::from_bytes("answer"));
    let write = (0, 0, 0, 1);
    let answer = (1, 0, 0, 1);
    for (name, given, lens, writable) in [
        ("http_pre_hook", Given::http_pre(&request), [7, 0], [1, 1]),
        ("http_stream_chunk_hook", Given::chunk(&request), [7, -1], [-1, -1]),
        ("http_post_hook", Given::http_post(&request, &response), [7, 6], [-1, 1]),
        ("pre_hook", Given::default(), [-1, -1], [-1, -1]),
    ] {
        let mut call = Call::new(given);
        assert_eq!([call.len(0), call.len(1)], lens, "{name}");
        for which in [2, -1, i32::MAX] {
            assert_eq!(call.len(which), -1, "{name} {which}");
        }
        assert_eq!(call.ranged("body_truncate", write), Ok(if writable[0] == 1 { 0 } else { -1 }));
        assert_eq!(call.ranged("body_write", write), Ok(writable[0]), "{name}");
        assert_eq!(call.ranged("body_write", answer), Ok(writable[1]), "{name}");
    }
}

#[test]
fn reading_copies_what_there_is() {
    for (range, read, memory) in [
        ((0, 0, 0, 8), 8, "abcdefgh"),
        ((0, 0, 0, 9), 8, "abcdefgh"),
        ((0, 0, 0, 256), 8, "abcdefgh"),
        ((0, 2, 0, 3), 3, "cde"),
        ((0, 7, 0, 3), 1, "h"),
        ((0, 8, 0, 3), 0, ""),
        ((0, i64::MAX, 0, 3), 0, ""),
        ((0, 0, 0, 0), 0, ""),
        ((0, 0, 256, 0), 0, ""),
        ((0, -1, 0, 3), -1, ""),
        ((0, i64::MIN, 0, 3), -1, ""),
        ((2, 0, 0, 3), -1, ""),
        ((1, 0, 0, 3), 0, ""),
    ] {
        let mut call = Call::writable();
        assert_eq!(call.ranged("body_read", range), Ok(read), "{range:?}");
        let (text, rest) = call.memory.0.split_at(memory.len());
        assert_eq!(text, memory.as_bytes(), "{range:?}");
        assert_eq!(rest, &(0..=255).collect::<Vec<u8>>()[memory.len()..], "{range:?}");
        assert_eq!(call.written(), None, "reading writes nothing");
    }
}

#[test]
fn a_range_outside_the_memory_stops_the_guest() {
    for (ptr, len) in
        [(256, 1), (255, 2), (0, 257), (-1, 1), (0, -1), (i32::MIN, i32::MIN), (257, 0)]
    {
        for field in ["body_read", "body_write"] {
            let mut call = Call::writable();
            let stopped = call.ranged(field, (0, 0, ptr, len));
            assert_eq!(stopped, Err(TrapKind::MemoryOutOfBounds), "{field} {ptr} {len}");
            assert_eq!(call.written(), None);
            assert_eq!(Call::writable().ranged(field, (2, 0, ptr, len)), Ok(-1), "no such body");
        }
    }
}

#[test]
fn writing_replaces_and_extends() {
    // At 65 the memory holds `ABC...`.
    for (ranges, answers, written) in [
        (&[(0, 0, 65, 2)][..], &[2][..], Some("ABcdefgh")),
        (&[(0, 3, 65, 2)], &[2], Some("abcABfgh")),
        (&[(0, 6, 65, 2)], &[2], Some("abcdefAB")),
        (&[(0, 7, 65, 3)], &[3], Some("abcdefgABC")),
        (&[(0, 8, 65, 3)], &[3], Some("abcdefghABC")),
        (&[(0, 9, 65, 3)], &[-1], None),
        (&[(0, -1, 65, 3)], &[-1], None),
        (&[(0, i64::MAX, 65, 3)], &[-1], None),
        (&[(0, 0, 65, 0), (0, 8, 65, 0), (0, 9, 65, 0)], &[0, 0, -1], None),
        (&[(0, 0, 65, 20)], &[20], Some("ABCDEFGHIJKLMNOPQRST")),
        (&[(0, 0, 65, 2), (0, 1, 65, 2)], &[2, 2], Some("AABdefgh")),
        (&[(0, 0, 65, 2), (0, 7, 65, 2)], &[2, 2], Some("ABcdefgAB")),
        (&[(0, 8, 65, 2), (0, 10, 65, 2), (0, 13, 65, 2)], &[2, 2, -1], Some("abcdefghABAB")),
    ] {
        let mut call = Call::writable();
        let done: Vec<_> =
            ranges.iter().map(|range| call.ranged("body_write", *range).unwrap()).collect();
        assert_eq!(done, answers, "{ranges:?}");
        assert_eq!(call.written().as_deref(), written, "{ranges:?}");
    }
}

#[test]
fn what_was_written_is_what_is_read() {
    let mut call = Call::writable();
    assert_eq!(call.ranged("body_write", (0, 6, 65, 4)), Ok(4));
    assert_eq!(call.len(0), 10);
    assert_eq!(call.ranged("body_read", (0, 4, 0, 100)), Ok(6));
    assert_eq!(&call.memory.0[..7], b"efABCD\x06");
}

#[test]
fn cutting_shortens() {
    for (len, answer, written) in [
        (8, 0, None),
        (3, 0, Some("abc")),
        (0, 0, Some("")),
        (9, -1, None),
        (-1, -1, None),
        (i64::MAX, -1, None),
    ] {
        let mut call = Call::writable();
        assert_eq!(call.ranged("body_truncate", (0, len, 0, 0)), Ok(answer), "{len}");
        assert_eq!(call.written().as_deref(), written, "{len}");
    }
    let mut call = Call::writable();
    call.ranged("body_truncate", (0, 2, 0, 0)).unwrap();
    assert_eq!(call.ranged("body_write", (0, 3, 65, 1)), Ok(-1), "no holes");
    assert_eq!(call.ranged("body_write", (0, 2, 65, 1)), Ok(1));
    call.ranged("body_truncate", (0, 1, 0, 0)).unwrap();
    assert_eq!(call.written().as_deref(), Some("a"));
}

#[test]
fn a_body_has_a_limit() {
    let too_long = |len: u64| TrapKind::Host {
        message: format!(
            "the plugin wrote to a body that then has {len} bytes, more than the limit of 20 (raise `output_bytes`)"
        ),
    };
    assert_eq!(Call::writable().ranged("body_write", (0, 0, 0, 21)), Err(too_long(21)));
    assert_eq!(Call::writable().ranged("body_write", (0, 8, 0, 13)), Err(too_long(21)));
    assert_eq!(Call::writable().ranged("body_write", (1, 0, 0, 256)), Err(too_long(256)));
    let mut call = Call::writable();
    assert_eq!(call.ranged("body_write", (0, 8, 0, 12)), Ok(12));
    assert_eq!(call.ranged("body_write", (0, 20, 0, 1)), Err(too_long(21)));
    // One that came in longer may be read, and cut to what a plugin may write.
    let long = || Call::new(Given::http_pre(&Body::from_bytes(vec![b'x'; 30])));
    assert_eq!(long().ranged("body_read", (0, 0, 0, 256)), Ok(30));
    assert_eq!(long().ranged("body_write", (0, 0, 65, 1)), Err(too_long(30)));
    assert_eq!(long().ranged("body_truncate", (0, 21, 0, 0)), Err(too_long(21)));
    let mut call = long();
    assert_eq!(call.ranged("body_truncate", (0, 20, 0, 0)), Ok(0));
    assert_eq!(call.ranged("body_write", (0, 0, 65, 1)), Ok(1));
    assert_eq!(call.written().unwrap().len(), 20);
}

#[test]
fn bytes_are_priced_when_they_move() {
    let body = Body::from_bytes(vec![0; 160]);
    let bodies = Arc::new(CallBodies::new(1 << 20));
    let _handed = bodies.hand(Given::http_post(&body, &body));
    let ranged = |which, offset, len| {
        [Value::I32(which), Value::I64(offset), Value::I32(0), Value::I32(len)]
    };
    let price = |field, args: &[Value]| bodies.fuel(field, args);
    for (which, offset, len, wanted) in
        [(0, 0, 160, 10), (0, 0, -1, 10), (0, 150, 160, 1), (0, 160, 9, 0), (2, 0, 9, 0)]
    {
        assert_eq!(price("body_read", &ranged(which, offset, len)), wanted, "{offset} {len}");
    }
    assert_eq!(price("body_write", &ranged(0, 0, 16)), 0, "it is not done");
    assert_eq!(price("body_write", &ranged(1, 0, 16)), 10, "the first write keeps the rest");
    assert_eq!(price("body_write", &ranged(1, 160, 16)), 11);
    assert_eq!(price("body_write", &ranged(1, 0, -1)), 0, "it is stopped");
    assert_eq!(price("body_truncate", &ranged(1, 32, 0)[..2]), 2);
    let mut memory = Memory(vec![0; 256]);
    bodies.call("body_write", &mut memory, &ranged(1, 0, 16)).unwrap().unwrap();
    assert_eq!(price("body_write", &ranged(1, 0, 16)), 1);
    assert_eq!(price("body_truncate", &ranged(1, 32, 0)[..2]), 0);
    assert_eq!(price("body_len", &[Value::I32(0)]), 0);
}

#[test]
fn bodies_are_gone_with_their_call() {
    let bodies = Arc::new(CallBodies::new(20));
    let mut memory = Memory(vec![0; 8]);
    let mut len = || match bodies.call("body_len", &mut memory, &[Value::I32(0)]) {
        Some(Ok(Some(Value::I64(len)))) => len,
        other => panic!("{other:?}"),
    };
    let body = Body::from_bytes("abc");
    assert_eq!(len(), -1);
    let handed = bodies.hand(Given::chunk(&body));
    assert_eq!(len(), 3);
    drop(handed);
    assert_eq!(len(), -1);
    assert!(bodies.hand(Given::chunk(&body)).edits().is_empty());
    assert_eq!(len(), -1);
}

#[test]
fn other_names_and_arguments_are_nobodys() {
    let mut call = Call::writable();
    for (field, args) in [
        ("body_len", &[][..]),
        ("body_len", &[Value::I64(0)]),
        ("body_read", &[Value::I32(0)]),
        ("body_clear", &[Value::I32(0)]),
    ] {
        assert!(call.bodies.call(field, &mut call.memory, args).is_none(), "{field}");
        assert_eq!(call.bodies.fuel(field, args), 0);
    }
    assert_eq!(signature("body_clear"), None);
}
