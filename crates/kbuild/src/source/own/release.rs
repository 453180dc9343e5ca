// SPDX-License-Identifier: GPL-2.0-only
//! The release of a kernel tree, from its top Makefile.

/// Returns what `make kernelversion` prints: `7.3.4`, `7.4.0-rc1`. `None` if the text is
/// not the top Makefile of a kernel.
pub(crate) fn kernel_release(makefile: &str) -> Option<String> {
    let value = |name: &str| {
        let mut lines = makefile.lines().map(|line| line.split_once('='));
        let found = lines.find_map(|line| line.filter(|(key, _)| key.trim_end() == name));
        found.map(|(_, value)| value.trim())
    };
    let number = |name| value(name).filter(|it| it.parse::<u32>().is_ok());
    let mut release = format!("{}.{}", number("VERSION")?, number("PATCHLEVEL")?);
    if let Some(sublevel) = number("SUBLEVEL") {
        release += &format!(".{sublevel}");
    }
    Some(release + value("EXTRAVERSION").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("# SPDX\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\nNAME = x\n" => Some("7.3.4".to_owned()); "stable")]
    #[test_case("VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\n" => Some("7.4.0-rc1".to_owned()); "release candidate")]
    #[test_case("VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL =\n" => Some("7.4".to_owned()); "without sublevel")]
    #[test_case("VERSION = 1\nall: x\n" => None; "another Makefile")]
    #[test_case("VERSION = $(shell x)\nPATCHLEVEL = 1\n" => None; "computed")]
    fn release_of(makefile: &str) -> Option<String> {
        kernel_release(makefile)
    }
}
