//! Quotas: bytes and files of all instances together.

use plugbay_runtime::Backend;
use plugbay_runtime::wasi::FileLimits;

use super::disk::{CREATE, Disk, Errno, TRUNCATE};

const FULL: Errno = Errno::Quota;

fn small(backend: &dyn Backend) -> Disk {
    Disk::limited(backend, FileLimits::new(100, 3))
}

pub(crate) fn bytes_are_counted_however_they_come(backend: &dyn Backend) {
    let mut disk = small(backend);
    let file = disk.create("file").unwrap();
    assert_eq!(disk.write(file, &[b'x'; 90]), Ok(90));
    assert_eq!(disk.write(file, &[b'x'; 11]), Err(FULL), "none of it is written");
    assert_eq!(disk.size("file"), Ok(90));
    assert_eq!(disk.write(file, &[b'x'; 10]), Ok(10));
    assert_eq!(disk.write_at(file, b"x", 100), Err(FULL));
    assert_eq!(disk.write_at(file, b"y", 99), Ok(1), "over what is there");
    assert_eq!(disk.set_size(file, 101), Err(FULL));
    assert_eq!(disk.usage().bytes, 100);
    // A hole takes its room too.
    assert_eq!(disk.set_size(file, 0), Ok(()));
    assert_eq!(disk.seek(file, 1_000_000), Ok(1_000_000));
    assert_eq!(disk.write(file, b"x"), Err(FULL));
    assert_eq!(disk.usage().bytes, 0);
    let other = disk.append("file").unwrap();
    assert_eq!(disk.write(other, &[b'x'; 101]), Err(FULL));
    assert_eq!(disk.write_at(file, b"x", i64::MAX), Err(FULL));
}

pub(crate) fn room_comes_back(backend: &dyn Backend) {
    let mut disk = small(backend);
    let fill = |disk: &mut Disk, name: &str| {
        let file = disk.create(name).unwrap();
        assert_eq!(disk.write(file, &[b'x'; 100]), Ok(100), "{name}");
        disk.close(file).unwrap();
        assert_eq!(disk.usage().bytes, 100);
    };
    fill(&mut disk, "one");
    disk.unlink("one").unwrap();
    assert_eq!(disk.usage().bytes, 0);
    fill(&mut disk, "two");
    let file = disk.open_with("two", TRUNCATE, true).unwrap();
    assert_eq!(disk.usage().bytes, 0);
    disk.close(file).unwrap();
    fill(&mut disk, "two");
    // What is renamed over is gone.
    disk.create("three").unwrap();
    disk.rename("three", "two").unwrap();
    let left = disk.usage();
    assert_eq!((left.bytes, left.files), (0, 1));
}

/// Without a name, a file takes its room as long as somebody has it open.
pub(crate) fn unlinked_files_count_until_they_are_closed(backend: &dyn Backend) {
    let mut disk = small(backend);
    let file = disk.create("file").unwrap();
    disk.write(file, &[b'x'; 100]).unwrap();
    let again = disk.open("file").unwrap();
    disk.unlink("file").unwrap();
    assert_eq!(disk.usage().bytes, 100);
    let other = disk.create("other").unwrap();
    assert_eq!(disk.write(other, b"x"), Err(FULL));
    disk.close(file).unwrap();
    assert_eq!(disk.write(other, b"x"), Err(FULL));
    disk.close(again).unwrap();
    assert_eq!(disk.write(other, b"x"), Ok(1));
    assert_eq!(disk.usage().bytes, 1);
}

pub(crate) fn files_are_counted_of_every_kind(backend: &dyn Backend) {
    let mut disk = small(backend);
    disk.create("file").unwrap();
    disk.make_directory("directory").unwrap();
    disk.symlink("file", "link").unwrap();
    assert_eq!(disk.create("fourth"), Err(FULL));
    assert_eq!(disk.make_directory("fourth"), Err(FULL));
    assert_eq!(disk.symlink("file", "fourth"), Err(FULL));
    assert!(disk.open_with("file", CREATE, true).is_ok(), "it is there");
    disk.unlink("link").unwrap();
    disk.remove_directory("directory").unwrap();
    assert_eq!(disk.usage().files, 1);
    assert!(disk.create("second").is_ok());
}

pub(crate) fn instances_share_a_quota(backend: &dyn Backend) {
    let mut disk = small(backend);
    let mut neighbour = disk.neighbour(backend);
    let file = disk.create("one").unwrap();
    assert_eq!(disk.write(file, &[b'x'; 60]), Ok(60));
    disk.swap(&mut neighbour);
    let file = disk.create("two").unwrap();
    assert_eq!(disk.write(file, &[b'x'; 60]), Err(FULL));
    assert_eq!(disk.write(file, &[b'x'; 40]), Ok(40));
    assert_eq!(disk.usage().bytes, 100);
}

pub(crate) fn what_is_there_at_the_beginning_counts(backend: &dyn Backend) {
    let mut disk = Disk::prepared(backend, FileLimits::new(100, 3), |data| {
        std::fs::create_dir(data.join("directory")).unwrap();
        std::fs::write(data.join("directory/file"), [b'x'; 90]).unwrap();
    });
    assert_eq!((disk.usage().bytes, disk.usage().files), (90, 2));
    let file = disk.create("file").unwrap();
    assert_eq!(disk.write(file, &[b'x'; 11]), Err(FULL));
    assert_eq!(disk.create("other"), Err(FULL));
    // An instance that is dropped closes what it left open.
    let mut fresh = disk.neighbour(backend);
    disk.unlink("file").unwrap();
    disk.swap(&mut fresh);
    drop(fresh);
    assert_eq!((disk.usage().bytes, disk.usage().files), (90, 2));
}
