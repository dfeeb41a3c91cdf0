//! Archives as `plugbay pack` makes them, and as somebody would who means ill.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::Header;

use super::super::write;
use super::*;

/// An entry as it lies in an archive: whatever the name, the kind and the size that it announces.
struct Entry<'a> {
    path: &'a [u8],
    kind: u8,
    size: Option<u64>,
    link: &'a [u8],
    content: &'a [u8],
}

impl<'a> Entry<'a> {
    fn file(path: &'a str, content: &'a [u8]) -> Self {
        Self { path: path.as_bytes(), kind: b'0', size: None, link: b"", content }
    }

    fn of_kind(path: &'a str, kind: u8, link: &'a str) -> Self {
        Self { kind, link: link.as_bytes(), ..Self::file(path, b"") }
    }

    /// The library that writes archives refuses names like these; this is what it would write.
    fn bytes(&self) -> Vec<u8> {
        let mut header = Header::new_ustar();
        let ustar = header.as_ustar_mut().unwrap();
        ustar.name[..self.path.len()].copy_from_slice(self.path);
        ustar.linkname[..self.link.len()].copy_from_slice(self.link);
        ustar.typeflag = [self.kind];
        header.set_mode(0o644);
        header.set_size(self.size.unwrap_or(self.content.len() as u64));
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend(self.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

fn packed(tar: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(tar).unwrap();
    gzip.finish().unwrap()
}

fn archive(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar: Vec<u8> = entries.iter().flat_map(Entry::bytes).collect();
    tar.resize(tar.len() + 1024, 0);
    packed(&tar)
}

fn lamp() -> Package {
    let mut files = BTreeMap::new();
    for (path, content) in
        [("README.md", "# lamp"), ("examples/config.json", "{}"), ("night_lamp.wasm", "\0asm")]
    {
        files.insert(path.to_owned(), content.as_bytes().to_vec());
    }
    Package::new("night-lamp".to_owned(), files).unwrap()
}

#[track_caller]
fn refused(archive: &[u8], wanted: &str) {
    let error = read(archive).unwrap_err();
    let error = crate::exit::chain(&error);
    assert!(error.contains(wanted), "found `{error}`, wanted `{wanted}`");
}

#[test]
fn what_is_packed_comes_out_again_and_is_the_same_each_time() {
    let package = lamp();
    let one = write(&package).unwrap();
    assert_eq!(read(&one).unwrap(), package);
    assert_eq!(write(&lamp()).unwrap(), one);
    // No time, no name, no system.
    assert_eq!(one[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
}

#[test]
fn paths_stay_where_they_are() {
    for (path, wanted) in [
        ("../lamp.wasm", "`..`"),
        ("lamp/../../lamp.wasm", "`..`"),
        ("/etc/lamp.wasm", "``"),
        ("lamp//x", "``"),
        ("lamp/./x", "`.`"),
        ("lamp/.bashrc", "`.bashrc`"),
        ("lamp/a\\b", "`a\\b`"),
        ("c:/lamp.wasm", "`c:`"),
        ("lamp/aux.md", "`aux.md`"),
        ("lamp/com1", "`com1`"),
        ("lamp/x.", "`x.`"),
        ("lamp/-rf", "`-rf`"),
        ("lamp/a b", "`a b`"),
        ("lamp/\u{1b}[2J", "found a file called"),
    ] {
        refused(&archive(&[Entry::file(path, b"x")]), wanted);
    }
    let mut strange = Entry::file("", b"x");
    strange.path = b"lamp/\xff";
    refused(&archive(&[strange]), "is not UTF-8");
    let long = format!("lamp/{}", "a".repeat(95));
    refused(&archive(&[Entry::file(&long, b"x")]), "found a path of 100 bytes");
    // What is in front of the name is part of it.
    let mut bytes = Entry::file("x", b"y").bytes();
    bytes[345..347].copy_from_slice(b"..");
    let mut header = Header::from_byte_slice(&bytes[..512]).clone();
    header.set_cksum();
    bytes[..512].copy_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + 1024, 0);
    refused(&packed(&bytes), "`..`");
}

#[test]
fn nothing_but_files_comes_out() {
    for (kind, wanted) in [
        (b'1', "found a link"),
        (b'2', "found a link"),
        (b'3', "no file"),
        (b'4', "no file"),
        (b'6', "no file"),
        (b'S', "no file"),
        (b'x', "extended header"),
        (b'g', "extended header"),
        (b'L', "extended header"),
        (b'K', "extended header"),
    ] {
        refused(&archive(&[Entry::of_kind("lamp/x", kind, "/etc/passwd")]), wanted);
    }
}

#[test]
fn bombs_are_told_by_their_size() {
    // 200 MiB of nothing are 200 KiB.
    let zeros = vec![0; 200 << 20];
    let bomb = archive(&[Entry::file("lamp/lamp.wasm", &zeros)]);
    assert!(bomb.len() < 1 << 20);
    refused(&bomb, "found 209715200 bytes, wanted at most 67108864");
    refused(
        &archive(&[Entry::file("lamp/README.md", &zeros[..2 << 20])]),
        "wanted at most 1048576",
    );
    // Behind the end of the archive, where no size announces it.
    let mut tar = Entry::file("lamp/x", b"x").bytes();
    tar.extend(&zeros);
    refused(&packed(&tar), "unpacks to more than");
    // In folders, which have no content.
    let mut folder = Entry::of_kind("lamp", b'5', "");
    folder.content = &zeros;
    refused(&archive(&[folder]), "unpacks to more than");
    let names: Vec<String> = (0..129).map(|number| format!("lamp/{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| Entry::file(name, b"")).collect();
    refused(&archive(&many), "found more than 128 files");
    let folders: Vec<_> = (0..257).map(|_| Entry::of_kind("lamp", b'5', "")).collect();
    refused(&archive(&folders), "found more than 256 entries");
    refused(&vec![0x1f; usize::try_from(longest()).unwrap() + 1], "wanted at most");
}

#[test]
fn what_is_announced_has_to_come() {
    let mut short = Entry::file("lamp/lamp.wasm", b"\0asm");
    short.size = Some(60 << 20);
    refused(&archive(&[short]), "is cut short");
    let whole = write(&lamp()).unwrap();
    for length in [0, 1, 9, 30, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        read(&whole[..length]).unwrap_err();
    }
    // What the head says of time, system and text is nobody's business, nor are the bits that fill the last byte: but
    // what is read then is all that was packed, and anything else is told.
    for place in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        if let Ok(package) = read(&flipped) {
            assert_eq!(package, lamp(), "byte {place}");
        }
    }
    refused(b"PK\x03\x04", "not compressed by gzip");
    refused(&archive(&[]), "nothing in it");
}

#[test]
fn sums_are_of_all_of_it_and_right() {
    let package = lamp();
    let sums = package.sums();
    let with = |sums: &str| {
        let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
        for (path, bytes) in &package.files {
            entries.push((format!("night-lamp/{path}"), bytes.clone()));
        }
        entries.push((format!("night-lamp/{SUMS}"), sums.as_bytes().to_vec()));
        let entries: Vec<_> =
            entries.iter().map(|(path, bytes)| Entry::file(path, bytes)).collect();
        archive(&entries)
    };
    assert_eq!(read(&with(&sums)).unwrap(), package);
    // As `sha256sum --binary` writes it.
    assert_eq!(read(&with(&sums.replace("  ", " *"))).unwrap(), package);
    refused(&with(sums.split_once('\n').unwrap().1), "says nothing of README.md");
    refused(&with(&format!("{sums}{sums}")), "was there before");
    refused(&with(&sums.replace("night_lamp.wasm", "day_lamp.wasm")), "is not in the package");
    refused(&with(&format!("00{}", &sums[2..])), "is not what SHA256SUMS says");
    refused(&with("nonsense"), "line 1: found `nonsense`");
    let bare = archive(&[Entry::file("night-lamp/night_lamp.wasm", b"\0asm")]);
    refused(&bare, "found no night-lamp/SHA256SUMS");
}

#[test]
fn a_package_is_one_plugin() {
    let sums = Entry::file("lamp/SHA256SUMS", b"");
    let module = || Entry::file("lamp/lamp.wasm", b"\0asm");
    refused(&archive(&[module(), Entry::file("other/x", b"")]), "found a second folder");
    refused(&archive(&[Entry::file("lamp.wasm", b"")]), "beside the package's folder");
    refused(&archive(&[module(), module()]), "found it twice");
    let upper = Entry::file("lamp/LAMP.wasm", b"");
    refused(&archive(&[module(), upper]), "found it twice");
    refused(&archive(&[Entry::file("lamp/day.wasm", b""), sums]), "wanted one, lamp.wasm");
    let sums = Entry::file("lamp/SHA256SUMS", b"");
    refused(
        &archive(&[module(), Entry::file("lamp/x/y.wasm", b""), sums]),
        "wanted one, lamp.wasm",
    );
    let sums = Entry::file("lamp/SHA256SUMS", b"");
    refused(
        &archive(&[module(), Entry::file("lamp/day.wasm.sig", b""), sums]),
        "found the signature",
    );
}
