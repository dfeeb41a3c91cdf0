//! Directories, read.

use plugbay_runtime::Backend;

use super::disk::{Disk, Errno};

/// Cookie, name and kind of each entry that is there as a whole.
fn entries(mut bytes: &[u8]) -> Vec<(u64, String, u8)> {
    const HEAD: usize = 24;
    let mut entries = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(HEAD) {
        let next = u64::from_le_bytes(head[..8].try_into().unwrap());
        let len = u32::from_le_bytes(head[16..20].try_into().unwrap()) as usize;
        let Some((name, rest)) = rest.split_at_checked(len) else { break };
        entries.push((next, String::from_utf8(name.to_vec()).unwrap(), head[20]));
        bytes = rest;
    }
    entries
}

const DIRECTORY: u8 = 3;
const FILE: u8 = 4;
const LINK: u8 = 7;

pub(crate) fn a_directory_is_listed_by_name(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    disk.create("file").unwrap();
    disk.make_directory("directory").unwrap();
    disk.symlink("file", "a-link").unwrap();
    let listed = entries(&disk.read_directory(3, 4_096, 0).unwrap());
    let listed: Vec<_> = listed.iter().map(|(_, name, kind)| (name.as_str(), *kind)).collect();
    let wanted = [
        (".", DIRECTORY),
        ("..", DIRECTORY),
        ("a-link", LINK),
        ("directory", DIRECTORY),
        ("file", FILE),
    ];
    assert_eq!(listed, wanted);
    let file = disk.open("file").unwrap();
    assert_eq!(disk.read_directory(file, 4_096, 0), Err(Errno::NotDirectory));
    let directory = disk.open_directory("directory").unwrap();
    assert_eq!(entries(&disk.read_directory(directory, 4_096, 0).unwrap()).len(), 2);
}

/// With a buffer for two or three entries at a time, as a C library does it.
pub(crate) fn a_directory_is_listed_in_pieces(backend: &dyn Backend) {
    const COUNT: usize = 40;
    const ROOM: i32 = 100;
    let mut disk = Disk::new(backend);
    for number in 0..COUNT {
        disk.create(&format!("file-{number:02}")).map(|file| disk.close(file)).unwrap().unwrap();
    }
    let (mut cookie, mut names) = (0, Vec::new());
    loop {
        let bytes = disk.read_directory(3, ROOM, cookie).unwrap();
        let piece = entries(&bytes);
        names.extend(piece.iter().map(|(_, name, _)| name.clone()));
        if let Some((next, ..)) = piece.last() {
            cookie = next.cast_signed();
        }
        if bytes.len() < 100 {
            break;
        }
        // What comes and goes meanwhile is neither missed nor seen twice.
        let _ = disk.unlink("file-00");
    }
    assert_eq!(names.len(), COUNT + 2);
    assert_eq!(names[2], "file-00");
    assert_eq!(names[COUNT + 1], format!("file-{:02}", COUNT - 1));
    assert_eq!(entries(&disk.read_directory(3, 4_096, 0).unwrap()).len(), COUNT + 1);
}
