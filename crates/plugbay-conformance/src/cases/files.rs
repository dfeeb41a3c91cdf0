//! Files: what a plugin with a directory of its own can do there, and nowhere else.

mod attempts;
mod disk;
mod listing;
mod quota;

pub(crate) use attempts::*;
pub(crate) use listing::*;
pub(crate) use quota::*;

use disk::{CREATE, Disk, EXCLUSIVE, Errno, TRUNCATE};
use plugbay_runtime::Backend;

pub(crate) fn a_file_is_written_and_read_back(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    let file = disk.create("log.txt").unwrap();
    assert_eq!(disk.write(file, b"one line\n"), Ok(9));
    assert_eq!(disk.close(file), Ok(()));
    assert_eq!(std::fs::read(disk.path().join("log.txt")).unwrap(), b"one line\n");
    let file = disk.open("log.txt").unwrap();
    assert_eq!(disk.read(file, 100), Ok(b"one line\n".to_vec()));
    assert_eq!(disk.read(file, 100), Ok(Vec::new()), "at its end");
    assert_eq!(disk.write(file, b"x"), Err(Errno::BadFile), "it was opened for reading");
}

pub(crate) fn the_directory_is_mounted_at_the_root(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    // A tag that says directory, and a name of one byte.
    assert_eq!(disk.numbers("prestat", &[3]), Ok(()));
    assert_eq!(disk.told(8), [0, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(disk.numbers("prestat_name", &[3]), Ok(()));
    assert_eq!(disk.told(1), b"/");
    assert_eq!(disk.numbers("prestat", &[4]), Err(Errno::BadFile), "there is one");
}

pub(crate) fn appending_goes_to_the_end(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    std::fs::write(disk.path().join("log.txt"), "first\n").unwrap();
    let file = disk.append("log.txt").unwrap();
    assert_eq!(disk.seek(file, 0), Ok(0));
    assert_eq!(disk.write(file, b"second\n"), Ok(7));
    assert_eq!(std::fs::read(disk.path().join("log.txt")).unwrap(), b"first\nsecond\n");
}

pub(crate) fn a_file_is_read_and_written_in_places(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    let file = disk.create("places").unwrap();
    assert_eq!(disk.write(file, b"0123456789"), Ok(10));
    assert_eq!(disk.write_at(file, b"xy", 3), Ok(2));
    assert_eq!(disk.read_at(file, 4, 2), Ok(b"2xy5".to_vec()));
    assert_eq!(disk.tell(file), Ok(10), "where the last write ended");
    assert_eq!(disk.seek(file, 8), Ok(8));
    assert_eq!(disk.read(file, 10), Ok(b"89".to_vec()));
    assert_eq!(disk.set_size(file, 2), Ok(()));
    assert_eq!(std::fs::read(disk.path().join("places")).unwrap(), b"01");
}

pub(crate) fn creating_and_truncating(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    assert_eq!(disk.open("none"), Err(Errno::NotFound));
    let file = disk.create("one").unwrap();
    disk.write(file, b"something").unwrap();
    assert_eq!(disk.open_with("one", CREATE | EXCLUSIVE, true), Err(Errno::Exists));
    disk.open_with("one", TRUNCATE, true).unwrap();
    assert_eq!(std::fs::read(disk.path().join("one")).unwrap(), b"");
    assert_eq!(disk.open_with("sub/one", CREATE, true), Err(Errno::NotFound), "no directory");
}

pub(crate) fn directories_are_made_moved_and_removed(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    assert_eq!(disk.make_directory("a"), Ok(()));
    assert_eq!(disk.make_directory("a"), Err(Errno::Exists));
    disk.create("a/file").unwrap();
    assert_eq!(disk.remove_directory("a"), Err(Errno::NotEmpty));
    assert_eq!(disk.rename("a/file", "moved"), Ok(()));
    assert_eq!(disk.remove_directory("a"), Ok(()));
    assert_eq!(disk.unlink("moved"), Ok(()));
    assert_eq!(std::fs::read_dir(disk.path()).unwrap().count(), 0);
}

pub(crate) fn descriptors_are_closed_and_moved(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    let (one, other) = (disk.create("one").unwrap(), disk.create("other").unwrap());
    disk.write(one, b"one").unwrap();
    assert_eq!(disk.numbers("renumber", &[one, other]), Ok(()));
    assert_eq!(disk.write(one, b"x"), Err(Errno::BadFile));
    assert_eq!(disk.write(other, b" more"), Ok(5));
    assert_eq!(std::fs::read(disk.path().join("one")).unwrap(), b"one more");
    assert_eq!(disk.close(other), Ok(()));
    assert_eq!(disk.close(other), Err(Errno::BadFile));
    assert_eq!(disk.numbers("renumber", &[3, 1]), Err(Errno::NotSupported), "not over a stream");
}

pub(crate) fn descriptors_are_few(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    disk.create("file").unwrap();
    let refused = (0..1_000).find_map(|_| disk.open("file").err());
    assert_eq!(refused, Some(Errno::TooManyFiles));
    assert_eq!(disk.close(10), Ok(()));
    assert!(disk.open("file").is_ok(), "there is room again");
}
