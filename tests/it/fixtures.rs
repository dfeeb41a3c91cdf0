//! The test cases of the sample plugins, by `plugbay test`, on both engines.

use crate::support::{BACKENDS, plugbay, root, run, sample};

#[test]
fn the_samples_pass_their_own_test_cases() {
    let mut tested = Vec::new();
    for entry in std::fs::read_dir(root().join("plugins/rust")).unwrap() {
        let folder = entry.unwrap().path();
        let cases = folder.join("tests");
        let has_cases = cases.read_dir().is_ok_and(|mut files| {
            files.any(|file| file.unwrap().path().extension().is_some_and(|it| it == "json"))
        });
        if !has_cases {
            continue;
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let command = &mut plugbay();
        command.arg("test").arg(sample(&name)).arg("--fixtures").arg(&cases);
        let ended = run(command).exits(0);
        for engine in BACKENDS {
            assert!(ended.stdout.contains(&format!("[{engine}]")), "{ended}");
        }
        tested.push(name);
    }
    for name in ["hello_rust", "redactor", "rate_limiter", "midi_velocity"] {
        assert!(tested.iter().any(|it| it == name), "{name} has no test cases: {tested:?}");
    }
}

/// By the output of compilers as they are, rather than of what a test writes in their place.
#[test]
fn check_tells_in_which_language_a_module_was_written() {
    for (module, language) in [
        ("redactor", "rust"),
        ("toolbox_rust", "rust"),
        ("toolbox_go", "go"),
        ("toolbox_typescript", "assemblyscript"),
        ("toolbox_c", "c"),
        ("hello_c", "c"),
        ("midi_velocity_c", "c"),
        ("toolbox_zig", "zig"),
        ("hello_zig", "zig"),
        ("midi_velocity_zig", "zig"),
        ("hello_rust", "rust"),
        ("hello_go", "go"),
    ] {
        let ended = run(plugbay().arg("check").arg(sample(module)).arg("--json")).exits(0);
        assert_eq!(ended.json()["language"], language, "{module}");
        // What is known of the language leads to no advice about what is right already.
        assert_eq!(ended.json()["cures"].as_array().map_or(0, Vec::len), 0, "{module}: {ended}");
    }
}
