// SPDX-License-Identifier: GPL-2.0-only
//! The frequency of the guest's time stamp counter, where it is known.
//!
//! A kernel measures it against the PIT. On a busy host and under TCG that usually
//! fails; the kernel then keeps time by jiffies and has no high-resolution timers, so
//! that boots differ from each other.

/// Returns the counter's frequency in kHz under TCG, for `tsc_early_khz=`.
///
/// QEMU passes the host's counter on (`cpu_get_host_ticks`). Its frequency is the
/// `cpu MHz` of `cpuinfo` only if the host is a virtual machine itself: on hardware
/// that is the current speed of the processor.
pub(crate) fn emulated_tsc_khz(cpuinfo: &str) -> Option<u64> {
    let field = |name: &str| {
        let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(key, value)| (key.trim() == name).then_some(value.trim()))
    };
    let virtual_host = field("flags")?.split(' ').any(|flag| flag == "hypervisor");
    let (mhz, fraction) = field("cpu MHz").filter(|_| virtual_host)?.split_once('.')?;
    format!("{mhz}{fraction:0<3.3}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("flags\t\t: fpu tsc hypervisor lm\ncpu MHz\t\t: 2596.148\n", Some(2_596_148); "virtual")]
    #[test_case("cpu MHz : 2596.1\nflags : hypervisor\n", Some(2_596_100); "fewer digits")]
    #[test_case("flags : fpu tsc lm\ncpu MHz : 800.012\n", None; "bare metal")]
    #[test_case("Features : fp asimd\n", None; "not x86")]
    fn the_frequency_is_known_on_a_virtual_host_alone(cpuinfo: &str, expected: Option<u64>) {
        assert_eq!(emulated_tsc_khz(cpuinfo), expected);
    }
}
