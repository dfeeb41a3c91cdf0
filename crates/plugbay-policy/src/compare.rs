//! More and less: what one grant has that another has not.

use std::collections::BTreeSet;

use crate::{Audio, Filesystem, Grant, Midi, Names, Network, Operation, Subprocess, SystemControl};

impl Grant {
    /// Whether everything that `other` allows is allowed here too, so that going from this one to `other`
    /// asks for nothing.
    pub fn covers(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// What this grant has and `old` has not: what a new version asks for, where it is the new version's and
    /// `old` what the version before had. Nothing where `old` covers it. Where only a number is larger, such as a
    /// quota, it is there with that number.
    #[must_use]
    pub fn difference(&self, old: &Self) -> Self {
        fn more<T: Clone>(
            new: &Option<T>,
            old: &Option<T>,
            beyond: fn(&T, &T) -> Option<T>,
        ) -> Option<T> {
            match (new, old) {
                (None, _) => None,
                (Some(new), None) => Some(new.clone()),
                (Some(new), Some(old)) => beyond(new, old),
            }
        }
        Self {
            network: more(&self.network, &old.network, network),
            audio: more(&self.audio, &old.audio, |new, old| {
                let sounds = names(&new.sounds, &old.sounds);
                (!sounds.0.is_empty()).then_some(Audio { sounds })
            }),
            midi: more(&self.midi, &old.midi, |new, old| {
                let outputs = names(&new.outputs, &old.outputs);
                (!outputs.0.is_empty()).then_some(Midi { outputs })
            }),
            filesystem: more(&self.filesystem, &old.filesystem, filesystem),
            subprocess: more(&self.subprocess, &old.subprocess, subprocess),
            system_control: more(&self.system_control, &old.system_control, system_control),
        }
    }

    /// Both together: what either allows is allowed. Of two limits the higher one counts.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        for capability in other.iter() {
            if !self.has(capability) {
                self = self.with_from(other, capability);
            }
        }
        if let (Some(own), Some(other)) = (&mut self.network, &other.network) {
            own.hosts.extend(other.hosts.iter().cloned());
            own.allow_private.extend(&other.allow_private);
            own.timeout_ms = own.timeout_ms.max(other.timeout_ms);
            own.max_redirects = own.max_redirects.max(other.max_redirects);
            own.max_request_bytes = own.max_request_bytes.max(other.max_request_bytes);
            own.max_response_bytes = own.max_response_bytes.max(other.max_response_bytes);
        }
        if let (Some(own), Some(other)) = (&mut self.audio, &other.audio) {
            own.sounds.0.extend(other.sounds.0.iter().cloned());
        }
        if let (Some(own), Some(other)) = (&mut self.midi, &other.midi) {
            own.outputs.0.extend(other.outputs.0.iter().cloned());
        }
        if let (Some(own), Some(other)) = (&mut self.filesystem, &other.filesystem) {
            own.read_only &= other.read_only;
            own.quota_bytes = own.quota_bytes.max(other.quota_bytes);
            own.max_files = own.max_files.max(other.max_files);
        }
        if let (Some(own), Some(other)) = (&mut self.subprocess, &other.subprocess) {
            own.programs.extend(other.programs.iter().cloned());
        }
        if let (Some(own), Some(other)) = (&mut self.system_control, &other.system_control) {
            // A name on a list that was never in force does not come into force by this.
            if !own.operations.contains(&Operation::Launch) {
                own.applications = Names::default();
            }
            if other.operations.contains(&Operation::Launch) {
                own.applications.0.extend(other.applications.0.iter().cloned());
            }
            own.operations.extend(&other.operations);
        }
        self
    }

    fn with_from(mut self, other: &Self, capability: crate::Capability) -> Self {
        use crate::Capability::*;
        match capability {
            Network => self.network.clone_from(&other.network),
            Audio => self.audio.clone_from(&other.audio),
            Midi => self.midi.clone_from(&other.midi),
            Filesystem => self.filesystem.clone_from(&other.filesystem),
            Subprocess => self.subprocess.clone_from(&other.subprocess),
            SystemControl => self.system_control.clone_from(&other.system_control),
        }
        self
    }
}

fn names(new: &Names, old: &Names) -> Names {
    new.0.iter().filter(|name| !old.contains(name)).cloned().collect()
}

fn network(new: &Network, old: &Network) -> Option<Network> {
    let known = |pattern: &&crate::HostPattern| !old.hosts.iter().any(|own| own.covers(pattern));
    let hosts: BTreeSet<_> = new.hosts.iter().filter(known).cloned().collect();
    let allow_private: BTreeSet<_> =
        new.allow_private.difference(&old.allow_private).copied().collect();
    let higher = new.timeout_ms > old.timeout_ms
        || new.max_redirects > old.max_redirects
        || new.max_request_bytes > old.max_request_bytes
        || new.max_response_bytes > old.max_response_bytes;
    let more = higher || !hosts.is_empty() || !allow_private.is_empty();
    more.then(|| Network { hosts, allow_private, ..new.clone() })
}

fn filesystem(new: &Filesystem, old: &Filesystem) -> Option<Filesystem> {
    let more = (old.read_only && !new.read_only)
        || new.quota_bytes > old.quota_bytes
        || new.max_files > old.max_files;
    more.then(|| new.clone())
}

fn subprocess(new: &Subprocess, old: &Subprocess) -> Option<Subprocess> {
    let unknown =
        |program: &&crate::ProgramGrant| !old.programs.iter().any(|own| own.covers(program));
    let programs: BTreeSet<_> = new.programs.iter().filter(unknown).cloned().collect();
    (!programs.is_empty()).then_some(Subprocess { programs })
}

fn system_control(new: &SystemControl, old: &SystemControl) -> Option<SystemControl> {
    let mut operations: BTreeSet<_> = new.operations.difference(&old.operations).copied().collect();
    let launches = new.operations.contains(&Operation::Launch);
    let before = old.operations.contains(&Operation::Launch);
    let applications = match (launches, before) {
        // Nothing is launched, so that nothing listed for it means anything.
        (false, _) => Names::default(),
        (true, false) => new.applications.clone(),
        (true, true) => names(&new.applications, &old.applications),
    };
    if !applications.0.is_empty() {
        operations.insert(Operation::Launch);
    }
    (!operations.is_empty()).then_some(SystemControl { operations, applications })
}
