// SPDX-License-Identifier: GPL-2.0-only
//! Addresses that kprobes may not be at, by symbol and by section:
//! `within_kprobe_blacklist()` and `within_notrace_func()`.

use crate::answer::refusal::{Blacklist, Refusal};
use crate::facts::functions::Function;
use crate::facts::image::Image;

impl Image<'_> {
    /// Whether a function has no call site, so that BPF and perf may not probe
    /// it unless `CONFIG_KPROBE_EVENTS_ON_NOTRACE` is on:
    /// `within_notrace_func()`. A part of a function goes by the whole.
    #[must_use]
    pub fn within_notrace(&self, function: &Function) -> bool {
        if !self.features.notrace_refused || function.call_site.is_some() {
            return false;
        }
        let base = self.base(self.symbols.first_alias(function.symbol as usize));
        base.and_then(|(image, base)| image.call_site_in(image.extent(base)?))
            .is_none()
    }

    /// Where the name without its suffix is: for one of a module in the kernel,
    /// if that has it.
    fn base(&self, symbol: usize) -> Option<(&Self, u64)> {
        let (base, _) = self.symbols.name(symbol).split_once('.')?;
        let mut images = self.kernel().into_iter().chain([self]);
        images.find_map(|image| Some((image, image.symbols.address_of(base)?)))
    }

    /// Those rules of `check_kprobe_address_safe()` that hold for all of an
    /// extent, as everything does that goes by symbol.
    pub(super) fn extent_refusal(&self, symbol: usize) -> Option<Refusal> {
        let start = self.symbols.get(symbol).addr;
        if !self.ranges.text.contains(&start) {
            return Some(match self.ranges.is_freed(start) {
                true if self.is_module() => Refusal::ModuleInit,
                true => Refusal::Init,
                false => Refusal::NotText,
            });
        }
        if let Some(rule) = self.blacklisted_by(symbol) {
            return Some(Refusal::Blacklisted(rule));
        }
        self.is_preamble(symbol).then_some(Refusal::Preamble)
    }

    /// Whether kprobes may not be in a function.
    pub(crate) fn is_blacklisted(&self, function: &Function) -> bool {
        let symbol = self.symbols.first_alias(function.symbol as usize);
        matches!(self.extent_refusal(symbol), Some(Refusal::Blacklisted(_)))
    }

    /// `is_cfi_preamble_symbol()`.
    pub(crate) fn is_preamble(&self, symbol: usize) -> bool {
        let name = self.symbols.name_bytes(symbol);
        name.starts_with(b"__cfi_") || name.starts_with(b"__pfx_")
    }

    /// `within_kprobe_blacklist()`.
    fn blacklisted_by(&self, symbol: usize) -> Option<Blacklist> {
        let base = || {
            let (image, base) = self.base(symbol)?;
            image
                .address_blacklisted_by(base)
                .map(|_| Blacklist::BaseName)
        };
        self.address_blacklisted_by(self.symbols.get(symbol).addr)
            .or_else(base)
    }

    fn address_blacklisted_by(&self, addr: u64) -> Option<Blacklist> {
        let ranges = &self.ranges;
        let named = [
            (&ranges.kprobes, Blacklist::KprobesText),
            (&ranges.noinstr, Blacklist::NoinstrText),
            (&ranges.entry, Blacklist::EntryText),
        ];
        let rule = named
            .iter()
            .find(|(range, _)| range.contains(&addr))
            .map(|(_, rule)| *rule);
        rule.or_else(|| {
            let next = self.nokprobe.partition_point(|range| range.start <= addr);
            let listed = next
                .checked_sub(1)
                .is_some_and(|last| self.nokprobe[last].contains(&addr));
            listed.then_some(Blacklist::Listed)
        })
    }
}
