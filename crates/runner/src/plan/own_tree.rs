// SPDX-License-Identifier: GPL-2.0-only
//! From an author's own tree to the kernels to build.

use std::path::PathBuf;

use anyhow::{Context, Result};
use nmissed_host::Host;
use nmissed_kbuild::{
    BASELINE, DeclaredBehaviours, KernelConfig, KernelSpec, Kernels, OwnTree, Revision, Series,
    Source,
};
use nmissed_wire::Version;

use crate::exit::UsageError;
use crate::plan::kernels::{KernelPlan, kernels};
use crate::workspace::Workspace;

/// The variant that an author works on.
const HEAD: &str = "head";

/// An author's own tree, and what to compare it with.
#[derive(Clone, Debug, Default)]
pub struct OwnTreeRequest {
    /// A git tree, or a plain folder.
    pub source: PathBuf,
    /// `baseline` is the merge base with this revision; by default with the upstream
    /// branch, else with the newest tag.
    pub base: Option<String>,
    /// The revision to test; the working tree as it is if `None`.
    pub head: Option<String>,
    /// A .config that the fragments complete.
    pub config: Option<PathBuf>,
    /// Behaviours that the author's changes add, and with a `-` those that they remove.
    pub behaviours: Vec<String>,
    /// Leaves out `baseline`.
    pub alone: bool,
}

/// Plans the merge base and the author's state of a git tree, or a plain folder alone.
///
/// # Errors
/// A folder that is no kernel tree, a revision or merge base that does not exist, a name
/// that is no behaviour, a .config that cannot be read; if the cache cannot be written.
pub fn plan_own_tree(workspace: &Workspace, request: &OwnTreeRequest) -> Result<Vec<KernelPlan>> {
    let declared = declared(&request.behaviours)?;
    let host = Host::open()?;
    let tree = OwnTree::open(&request.source, &host)?;
    if !tree.is_git() && (request.base.is_some() || request.head.is_some()) {
        let source = request.source.display();
        let why = format!("--base and --head are for git trees, and {source} is none");
        return Err(UsageError(why).into());
    }
    host.begin(&format!("reading {}", request.source.display()));
    let head = tree.head(request.head.as_deref())?;
    let states = States {
        base: match tree.is_git() && !request.alone {
            true => Some(tree.merge_base(request.base.as_deref(), request.head.as_deref())?),
            false => None,
        },
        head,
    };
    let (plans, what) = states.plan(workspace, request, declared)?;
    host.end(&format!("{}: {what}", states.head.release()));
    Ok(plans)
}

/// The states of a tree that are tested.
struct States {
    base: Option<Revision>,
    head: Revision,
}

impl States {
    /// Plans each, and says which there are.
    fn plan(
        &self,
        workspace: &Workspace,
        request: &OwnTreeRequest,
        declared: Option<DeclaredBehaviours>,
    ) -> Result<(Vec<KernelPlan>, &'static str)> {
        let plan = |revision: &Revision, name, behaviours| -> Result<KernelPlan> {
            let spec = self.spec(&kernels(workspace)?, revision)?;
            let config = KernelConfig::load(&workspace.vmconfig(), &spec)?;
            Ok(KernelPlan {
                config: match &request.config {
                    Some(file) => config.on_top_of(file)?,
                    None => config,
                },
                series: vec![Series::unpatched(name, behaviours)?],
                spec,
            })
        };
        let unchanged = DeclaredBehaviours::parse([])?;
        let Some(base) = &self.base else {
            let head = plan(&self.head, HEAD, declared.unwrap_or(unchanged))?;
            return Ok((vec![head], "tested alone"));
        };
        let baseline = plan(base, BASELINE, unchanged)?;
        if base.is_same(&self.head) {
            return Ok((vec![baseline], "does not differ from its merge base"));
        }
        // What may have changed is compared with the baseline.
        let behaviours = declared.unwrap_or(DeclaredBehaviours::Unknown);
        let head = plan(&self.head, HEAD, behaviours)?;
        Ok((vec![baseline, head], "compared with its merge base"))
    }

    /// The kernel is named by the release of `head`: runs of one kernel are compared.
    fn spec(&self, kernels: &Kernels, revision: &Revision) -> Result<KernelSpec> {
        let release = self.head.release();
        let version: Version = release.parse().context("the release of the tree")?;
        Ok(KernelSpec {
            id: release.to_owned(),
            fragments: kernels.own_tree_fragments(version).to_vec(),
            patches: release.to_owned(),
            source: Source::Own(revision.clone()),
            by_name_only: true,
        })
    }
}

fn declared(names: &[String]) -> Result<Option<DeclaredBehaviours>, UsageError> {
    if names.is_empty() {
        return Ok(None);
    }
    let opposite = |name: &str| match name.strip_prefix('-') {
        Some(name) => name.to_owned(),
        None => format!("-{name}"),
    };
    if let Some(name) = names.iter().find(|name| names.contains(&opposite(name))) {
        let both = format!("--behaviour {name} and {}: name one", opposite(name));
        return Err(UsageError(both));
    }
    let parsed = DeclaredBehaviours::parse(names.iter().map(String::as_str));
    parsed
        .map(Some)
        .map_err(|error| UsageError(format!("--behaviour: {error}")))
}
