//! Keys by name, such as those of `ctrl+shift+m`.

use enigo::{Button, Key};
use plugbay::ServiceError;

/// The keys of a stroke, in the order in which they go down. The last one is struck while the others are held.
pub(super) fn keys(stroke: &str) -> Result<Vec<Key>, ServiceError> {
    let mut names: Vec<&str> = stroke.split('+').collect();
    // The key `+` itself: alone it leaves two empty names, after others two more.
    if let [.., "", ""] = names.as_slice() {
        names.truncate(names.len() - 2);
        names.push("+");
    }
    let wanted = "key: one character, or such as enter, tab, f5, up, ctrl, play_pause";
    let found = |name: &str| ServiceError::Invalid { found: name.to_owned(), wanted };
    names.into_iter().map(|name| key(name.trim()).ok_or_else(|| found(name))).collect()
}

fn key(name: &str) -> Option<Key> {
    let mut characters = name.chars();
    if let (Some(character), None) = (characters.next(), characters.next()) {
        return Some(Key::Unicode(character));
    }
    let plain: String = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
    Some(match plain.to_lowercase().as_str() {
        "ctrl" | "control" => Key::Control,
        "shift" => Key::Shift,
        "alt" | "option" => Key::Alt,
        "meta" | "super" | "cmd" | "command" | "win" | "windows" => Key::Meta,
        "enter" | "return" => Key::Return,
        "escape" | "esc" => Key::Escape,
        "tab" => Key::Tab,
        "space" => Key::Space,
        "plus" => Key::Unicode('+'),
        "backspace" => Key::Backspace,
        "delete" | "del" => Key::Delete,
        #[cfg(not(target_os = "macos"))]
        "insert" | "ins" => Key::Insert,
        "home" => Key::Home,
        "end" => Key::End,
        "pageup" => Key::PageUp,
        "pagedown" => Key::PageDown,
        "up" | "uparrow" | "arrowup" => Key::UpArrow,
        "down" | "downarrow" | "arrowdown" => Key::DownArrow,
        "left" | "leftarrow" | "arrowleft" => Key::LeftArrow,
        "right" | "rightarrow" | "arrowright" => Key::RightArrow,
        "capslock" => Key::CapsLock,
        "playpause" | "play" => Key::MediaPlayPause,
        "nexttrack" | "next" => Key::MediaNextTrack,
        "previoustrack" | "previous" | "prev" => Key::MediaPrevTrack,
        "volumeup" => Key::VolumeUp,
        "volumedown" => Key::VolumeDown,
        "mute" | "volumemute" => Key::VolumeMute,
        "f1" => Key::F1,
        "f2" => Key::F2,
        "f3" => Key::F3,
        "f4" => Key::F4,
        "f5" => Key::F5,
        "f6" => Key::F6,
        "f7" => Key::F7,
        "f8" => Key::F8,
        "f9" => Key::F9,
        "f10" => Key::F10,
        "f11" => Key::F11,
        "f12" => Key::F12,
        "f13" => Key::F13,
        "f14" => Key::F14,
        "f15" => Key::F15,
        "f16" => Key::F16,
        "f17" => Key::F17,
        "f18" => Key::F18,
        "f19" => Key::F19,
        "f20" => Key::F20,
        _ => return None,
    })
}

pub(super) fn button(name: &str) -> Result<Button, ServiceError> {
    match name {
        "left" => Ok(Button::Left),
        "right" => Ok(Button::Right),
        "middle" => Ok(Button::Middle),
        other => {
            let wanted = "button: left, right or middle";
            Err(ServiceError::Invalid { found: other.to_owned(), wanted })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes() {
        let unicode = Key::Unicode;
        for (stroke, expected) in [
            ("a", vec![unicode('a')]),
            ("ctrl+shift+m", vec![Key::Control, Key::Shift, unicode('m')]),
            ("Ctrl + Page_Down", vec![Key::Control, Key::PageDown]),
            ("meta", vec![Key::Meta]),
            ("+", vec![unicode('+')]),
            ("ctrl++", vec![Key::Control, unicode('+')]),
            ("cmd+\u{e9}", vec![Key::Meta, unicode('\u{e9}')]),
            ("F12", vec![Key::F12]),
            ("play_pause", vec![Key::MediaPlayPause]),
        ] {
            assert_eq!(keys(stroke), Ok(expected), "{stroke}");
        }
        for (stroke, found) in
            [("", ""), ("ctrl+", ""), ("hyper+x", "hyper"), ("ctrl+f99", "f99"), ("a+ +b", "")]
        {
            let error = keys(stroke).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{found:?} is no key"))
                    || error.starts_with("\" \" is no key"),
                "{stroke}: {error}"
            );
        }
    }
}
