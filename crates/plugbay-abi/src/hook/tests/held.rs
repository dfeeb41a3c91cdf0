//! Chunks that are held back, and several for one.

use super::*;

fn held(chunks: &[&str]) -> Held {
    chunks.iter().map(|chunk| raw(chunk)).collect()
}

#[test]
fn held_chunks_are_handed_over_with_the_next_one_and_at_the_end() {
    let (context, request, chunk) = (&context(), &http_request(), &*raw(CHUNKS[0].1));
    let (before, apart) = (format!(r#"{{"context":{CONTEXT},"request":{REQUEST},"#), "\"body\"");
    for (chunks, chunk, wanted) in [
        (&[][..], Some(chunk), format!(r#""chunk":{chunk}}}"#)),
        (&["{}"], Some(chunk), format!(r#""held":[{{}}],"chunk":{chunk}}}"#)),
        (
            &[r#"{"a":1}"#, "{ }"],
            Some(chunk),
            format!(r#""held":[{{"a":1}},{{ }}],"chunk":{chunk}}}"#),
        ),
        (&["{}", "{}"], None, r#""held":[{},{}],"chunk":null,"flush":true}"#.to_owned()),
        (&[], None, r#""held":[],"chunk":null,"flush":true}"#.to_owned()),
    ] {
        let input = ChunkInput { context, request, held: &held(chunks), chunk };
        let written = String::from_utf8(input.encode()).unwrap();
        assert_eq!(written, format!("{before}{wanted}"), "{chunks:?}");
        // A guest that has bodies beside its documents is told the same of chunks.
        let written = String::from_utf8(input.parts_apart().join()).unwrap();
        assert!(written.ends_with(&wanted) && !written.contains(apart), "{written}");
    }
}

#[test]
fn what_is_taken_is_held_no_longer() {
    let mut some = held(&["{}", "[1]"]);
    assert_eq!(some.take().len(), 2);
    assert!(some.is_empty());
    some.push(raw("[2]"));
    assert_eq!(some.take()[0].get(), "[2]");
}

#[test]
fn outputs() {
    let failure = |wanted: &str| format!("failure: {wanted}");
    let json = |wanted: &str| failure(&format!("invalid output JSON: {wanted}"));
    let rows = [
        ("held as it is", r#""hold":true"#, "hold".to_owned()),
        (
            "held, and the same came back",
            r#""hold":true,"has_chunk":true,"chunk":{"n":2}"#,
            "hold".to_owned(),
        ),
        (
            "held like this",
            r#""hold":true,"has_chunk":true,"chunk":{"n": 3}"#,
            r#"hold {"n": 3}"#.to_owned(),
        ),
        ("a chunk without its flag", r#""hold":true,"chunk":{"n":3}"#, "hold".to_owned()),
        ("hold goes before skip", r#""hold":true,"skip":true"#, "hold".to_owned()),
        ("what is held came back", r#""hold":true,"held":[]"#, "hold".to_owned()),
        ("not held", r#""hold":false,"keep":[{}]"#, "unchanged".to_owned()),
        ("not held either", r#""hold":null"#, "unchanged".to_owned()),
        (
            "several",
            r#""chunks":[{"n":3},{
}]"#,
            r#"chunks [{"n":3},{ }]"#.to_owned(),
        ),
        ("none", r#""chunks":[]"#, "chunks []".to_owned()),
        (
            "several go before all but hold",
            r#""chunks":[{}],"skip":true,"has_chunk":true"#,
            "chunks [{}]".to_owned(),
        ),
        ("no list", r#""chunks":null,"skip":true"#, "skip".to_owned()),
        ("no list either", r#""chunks":{ },"skip":true"#, "skip".to_owned()),
        ("nothing to keep", r#""hold":true,"keep":null"#, "hold".to_owned()),
        ("nothing to keep either", r#""hold":true,"keep":{}"#, "hold".to_owned()),
        (
            "some leave and the chunk stays",
            r#""chunks":[{}],"hold":true"#,
            r#"keep [[{}],[{"n":2}]]"#.to_owned(),
        ),
        (
            "some leave and the chunk stays like this",
            r#""chunks":[{}],"hold":true,"has_chunk":true,"chunk":{"n":4}"#,
            r#"keep [[{}],[{"n":4}]]"#.to_owned(),
        ),
        (
            "kept",
            r#""hold":true,"keep":[{"n":1},{"n":5}]"#,
            r#"keep [[],[{"n":1},{"n":5}]]"#.to_owned(),
        ),
        (
            "some leave and some stay",
            r#""chunks":[{}],"hold":true,"keep":[{"n":5}]"#,
            r#"keep [[{}],[{"n":5}]]"#.to_owned(),
        ),
        ("a list of nothing", r#""chunks":[],"hold":true,"keep":[]"#, "keep [[],[]]".to_owned()),
        ("reported", r#""hold":true,"error":"no""#, failure("the plugin reported: no")),
        (
            "hold, its type",
            r#""hold":1"#,
            json("hold: invalid type: integer `1`, expected a boolean"),
        ),
        (
            "chunks, its type",
            r#""chunks":{"n":1}"#,
            json("chunks: invalid type: map, expected an array of chunks"),
        ),
        (
            "a chunk in chunks",
            r#""chunks":[{},5]"#,
            json("chunks[1]: invalid type: integer `5`, expected an object"),
        ),
        (
            "a chunk in keep",
            r#""hold":true,"keep":["data: {}"]"#,
            json("keep[0]: invalid type: string \"data: {}\", expected an object"),
        ),
        (
            "a flag without its field",
            r#""hold":true,"has_chunk":true"#,
            json("chunk: nothing here, though `has_chunk` is true"),
        ),
    ];
    let chunk = raw(r#"{"n":2}"#);
    for (name, output, wanted) in rows {
        let (told, _) = shown_chunk(with(output).as_bytes(), &held(&[r#"{"n":1}"#]), Some(&chunk));
        assert_eq!(told, wanted, "{name}");
    }
}

#[test]
fn when_the_stream_has_ended_nothing_can_be_held() {
    for (output, wanted) in [
        ("{}", "unchanged"),
        (r#"{"skip":true}"#, "skip"),
        (r#"{"chunk":null,"has_chunk":false}"#, "unchanged"),
        (r#"{"has_chunk":true,"chunk":{"n":9}}"#, r#"chunk {"n":9}"#),
        (r#"{"chunks":[{"n":1},{"n":2}]}"#, r#"chunks [{"n":1},{"n":2}]"#),
        (r#"{"hold":true}"#, "failure: `hold` is true, though the stream has ended"),
        (
            r#"{"hold":true,"keep":[],"chunks":[]}"#,
            "failure: `hold` is true, though the stream has ended",
        ),
    ] {
        assert_eq!(shown_chunk(output.as_bytes(), &held(&["{}"]), None).0, wanted, "{output}");
    }
}

/// The bound is that of the list as it is handed over, to the byte.
#[test]
fn what_is_held_is_bounded() {
    let chunk = |bytes: usize| format!(r#"{{"x":"{}"}}"#, "x".repeat(bytes - 8));
    let half = chunk(Held::MAX_BYTES / 2);
    // Two brackets and a comma.
    let (fits, too_long) = (chunk(Held::MAX_BYTES / 2 - 3), chunk(Held::MAX_BYTES / 2 - 2));
    let told = |output: &str, chunk: &str| {
        shown_chunk(output.as_bytes(), &held(&[&half]), Some(&raw(chunk))).0
    };
    let over = "failure: 65537 bytes of chunks would be held back, of at most 65536";
    let hold = r#"{"hold":true}"#;
    assert_eq!(told(hold, &fits), "hold");
    assert_eq!(told(hold, &too_long), over);
    let like = |chunk: &str| format!(r#"{{"hold":true,"has_chunk":true,"chunk":{chunk}}}"#);
    assert!(told(&like(&fits), "{}").starts_with("hold {"));
    assert_eq!(told(&like(&too_long), "{}"), over);
    let keep = |chunk: &str| format!(r#"{{"hold":true,"keep":[{half},{chunk}]}}"#);
    assert!(told(&keep(&fits), "{}").starts_with("keep [[],[{"));
    assert_eq!(told(&keep(&too_long), "{}"), over);
    // What leaves is not counted.
    let leaves = format!(r#"{{"hold":true,"chunks":[{half},{half},{half}]}}"#);
    assert!(told(&leaves, &half).starts_with("keep [[{"));
}
