// SPDX-License-Identifier: GPL-2.0-only
//! Mirrors and keyrings in the machine's apt configuration: both formats of
//! sources.list(5), as of apt 2.6.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Keyring of an entry without Signed-By.
const DEFAULT_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One enabled source of binary packages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AptSource {
    pub(crate) uris: Vec<String>,
    pub(crate) suites: Vec<String>,
    /// Value of Signed-By as a deb822 field: paths, or a whole key with its line breaks.
    pub(crate) signed_by: Option<String>,
}

/// Reads all entries below an `/etc/apt`, in the order in which apt reads them.
pub(crate) fn read(etc_apt: &Path) -> Result<Vec<AptSource>> {
    let mut entries = Vec::new();
    for file in files(etc_apt)? {
        let text = fs::read(&file).map_err(Error::io("read", &file))?;
        let text = String::from_utf8_lossy(&text);
        let is_deb822 = file.extension().is_some_and(|ext| ext == "sources");
        entries.extend(if is_deb822 {
            parse_deb822(&text)
        } else {
            parse_one_line(&text)
        });
    }
    Ok(entries)
}

fn files(etc_apt: &Path) -> Result<Vec<PathBuf>> {
    let parts = etc_apt.join("sources.list.d");
    let mut files = Vec::new();
    if parts.is_dir() {
        for part in fs::read_dir(&parts).map_err(Error::io("read", &parts))? {
            files.push(part.map_err(Error::io("read", &parts))?.path());
        }
    }
    files.retain(|file| {
        file.extension()
            .is_some_and(|ext| ext == "list" || ext == "sources")
    });
    files.sort();
    let list = etc_apt.join("sources.list");
    Ok(list
        .is_file()
        .then_some(list)
        .into_iter()
        .chain(files)
        .collect())
}

/// Parses lines of `deb [option=value...] uri suite component...`.
fn parse_one_line(text: &str) -> Vec<AptSource> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<AptSource> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    let signed_by = options.split_whitespace().find_map(|option| {
        let (name, value) = option.split_once('=')?;
        name.eq_ignore_ascii_case("signed-by")
            .then(|| value.replace(',', " "))
    });
    fetchable(AptSource {
        uris: vec![uri.to_owned()],
        suites: vec![suite.to_owned()],
        signed_by,
    })
}

/// Parses stanzas of `Field: value`, separated by empty lines.
fn parse_deb822(text: &str) -> Vec<AptSource> {
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines
        .split(|line| line.trim().is_empty())
        .filter_map(parse_stanza)
        .collect()
}

fn parse_stanza(lines: &[&str]) -> Option<AptSource> {
    let field = |name| field(lines, name);
    let words = |name| -> Vec<String> {
        let value = field(name).unwrap_or_default();
        value.split_whitespace().map(str::to_owned).collect()
    };
    let off = |value: String| {
        matches!(
            value.to_ascii_lowercase().as_str(),
            "no" | "false" | "without" | "off" | "disable" | "0"
        )
    };
    if field("Enabled").is_some_and(off) || !words("Types").iter().any(|kind| kind == "deb") {
        return None;
    }
    fetchable(AptSource {
        uris: words("URIs"),
        suites: words("Suites"),
        signed_by: field("Signed-By"),
    })
}

/// Returns the value of a field; continuation lines keep their leading blank.
fn field(lines: &[&str], name: &str) -> Option<String> {
    let at = lines.iter().position(|line| {
        line.split_once(':')
            .is_some_and(|(field, _)| field.eq_ignore_ascii_case(name))
    })?;
    let first = lines[at].split_once(':')?.1.trim();
    let more = lines[at + 1..]
        .iter()
        .take_while(|line| line.starts_with([' ', '\t']));
    let value = more.fold(first.to_owned(), |value, line| {
        value + "\n" + line.trim_end()
    });
    (!value.trim().is_empty()).then_some(value)
}

/// Drops `cdrom:` URIs; `None` if nothing is left.
fn fetchable(mut entry: AptSource) -> Option<AptSource> {
    entry.uris.retain(|uri| !uri.starts_with("cdrom:"));
    (!entry.uris.is_empty() && !entry.suites.is_empty()).then_some(entry)
}

/// Returns the entry whose mirror has `suite`: one that names it, otherwise one for the
/// machine's own release, because a mirror carries all releases of an archive.
pub(crate) fn choose<'a>(
    entries: &'a [AptSource],
    suite: &str,
    codename: &str,
) -> Option<&'a AptSource> {
    let with = |suite: &str| {
        entries
            .iter()
            .find(|entry| entry.suites.iter().any(|s| s == suite))
    };
    let own = if suite.ends_with("-security") {
        format!("{codename}-security")
    } else {
        codename.to_owned()
    };
    with(suite).or_else(|| with(&own))
}

/// Writes a deb822 stanza with one suite of an entry's mirror, for package lists only.
pub(crate) fn stanza(entry: &AptSource, suite: &str) -> String {
    format!(
        "Types: deb\nURIs: {}\nSuites: {suite}\nComponents: main\nTargets: Packages\nSigned-By: {}\n",
        entry.uris.join(" "),
        entry.signed_by.as_deref().unwrap_or(DEFAULT_KEYRING),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use test_case::test_case;

    fn entry(uri: &str, suites: &[&str], signed_by: Option<&str>) -> AptSource {
        AptSource {
            uris: vec![uri.to_owned()],
            suites: suites.iter().map(|&suite| suite.to_owned()).collect(),
            signed_by: signed_by.map(str::to_owned),
        }
    }

    #[test_case("deb http://m/debian bookworm main", Some(("http://m/debian", "bookworm", None)); "plain")]
    #[test_case("  deb\thttp://m/d  sid  main contrib # mine", Some(("http://m/d", "sid", None)); "blanks and comment")]
    #[test_case("deb [ arch=amd64 signed-by=/k.gpg ] http://m/d sid main", Some(("http://m/d", "sid", Some("/k.gpg"))); "options")]
    #[test_case("deb [signed-by=/a.gpg,/b.gpg] http://m/d sid main", Some(("http://m/d", "sid", Some("/a.gpg /b.gpg"))); "two keyrings")]
    #[test_case("deb-src http://m/d sid main", None; "sources only")]
    #[test_case("#deb http://m/d sid main", None; "commented out")]
    #[test_case("deb cdrom:[Debian 12]/ bookworm main", None; "disc")]
    #[test_case("deb [signed-by=/k.gpg http://m/d sid main", None; "open bracket")]
    #[test_case("deb http://m/d", None; "no suite")]
    #[test_case("", None; "empty")]
    fn one_line_format(line: &str, expected: Option<(&str, &str, Option<&str>)>) {
        let expected = expected.map(|(uri, suite, key)| entry(uri, &[suite], key));
        assert_eq!(parse_line(line), expected);
    }

    #[test]
    fn deb822_stanzas_with_comments_and_several_suites() {
        let text = "# about\nTypes: deb deb-src\n# inside\nURIs: http://m/debian\nsuites: bookworm bookworm-updates\n\
                    Components: main\nSigned-By: /k.gpg\n\n\nTypes: deb\nURIs: http://m/s\nSuites:\n bookworm-security\n";
        let expected = [
            entry(
                "http://m/debian",
                &["bookworm", "bookworm-updates"],
                Some("/k.gpg"),
            ),
            entry("http://m/s", &["bookworm-security"], None),
        ];
        assert_eq!(parse_deb822(text), expected);
    }

    #[test_case("Types: deb-src\nURIs: http://m\nSuites: sid"; "sources only")]
    #[test_case("Types: deb\nEnabled: No\nURIs: http://m\nSuites: sid"; "disabled")]
    #[test_case("Types: deb\nSuites: sid"; "no URI")]
    #[test_case("Types: deb\nURIs: cdrom:[x]/\nSuites: sid"; "disc")]
    #[test_case("garbage"; "garbage")]
    fn deb822_stanzas_that_give_nothing(text: &str) {
        assert_eq!(parse_deb822(text), []);
    }

    #[test]
    fn an_embedded_key_survives() {
        let key =
            " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n -----END PGP PUBLIC KEY BLOCK-----";
        let text = format!("Types: deb\nURIs: http://m\nSuites: sid\nSigned-By:\n{key}\n");
        let parsed = parse_deb822(&text);
        assert_eq!(parse_deb822(&stanza(&parsed[0], "sid")), parsed);
        assert!(stanza(&parsed[0], "sid").contains(key));
    }

    #[test_case("bookworm-security", Some("http://s"); "named by an entry")]
    #[test_case("trixie-backports", Some("http://m"); "the same archive")]
    #[test_case("trixie-security", Some("http://s"); "the security archive")]
    fn the_mirror_that_has_a_suite(suite: &str, expected: Option<&str>) {
        let entries = [
            entry("http://other", &["stable"], None),
            entry("http://m", &["bookworm", "bookworm-updates"], None),
            entry("http://s", &["bookworm-security"], None),
        ];
        let chosen = choose(&entries, suite, "bookworm").map(|entry| entry.uris[0].as_str());
        assert_eq!(chosen, expected);
    }

    #[test]
    fn no_entry_for_the_own_release_means_no_mirror() {
        assert_eq!(
            choose(&[entry("http://x", &["stable"], None)], "sid", "bookworm"),
            None
        );
    }

    #[test]
    fn files_are_read_as_apt_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let parts = dir.path().join("sources.list.d");
        fs::create_dir(&parts).unwrap();
        fs::write(dir.path().join("sources.list"), "deb http://first a main\n").unwrap();
        fs::write(parts.join("b.list"), "deb http://second b main\n").unwrap();
        fs::write(
            parts.join("c.sources"),
            "Types: deb\nURIs: http://third\nSuites: c\n",
        )
        .unwrap();
        fs::write(parts.join("d.list.save"), "deb http://never d main\n").unwrap();
        let uris: Vec<_> = read(dir.path())
            .unwrap()
            .into_iter()
            .flat_map(|entry| entry.uris)
            .collect();
        assert_eq!(uris, ["http://first", "http://second", "http://third"]);
    }

    #[test]
    fn no_apt_configuration_has_no_entries() {
        assert_eq!(read(Path::new("/nonexistent")).unwrap(), []);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(text in "(?s).{0,200}") {
            let _ = (parse_one_line(&text), parse_deb822(&text));
        }

        #[test]
        fn what_stanza_writes_is_read_back(uri in "http://[a-z/.]{1,20}", suite in "[a-z]{1,9}(-security)?", key in proptest::option::of("/[a-z]{1,9}\\.gpg")) {
            let entry = entry(&uri, &[&suite], Some(key.as_deref().unwrap_or(DEFAULT_KEYRING)));
            prop_assert_eq!(parse_deb822(&stanza(&entry, &suite)), [entry]);
        }
    }
}
