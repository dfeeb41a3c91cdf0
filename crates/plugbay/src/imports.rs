//! What a module imports, held against what this host offers.

use plugbay_policy::Capability;
use plugbay_runtime::abi::FuncType;
use plugbay_runtime::{Import, InstantiateError, WASI_MODULE, wasi};

use crate::functions::{self, bodies};

/// What one import comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportUse {
    /// Offered to every plugin.
    Always,
    /// Offered, and refused when called without the capability.
    Needs(Capability),
    /// Offered under another signature: the module cannot be loaded.
    OtherSignature,
    /// Not offered: the module cannot be loaded.
    Unknown,
}

/// The signature that an import is offered with.
fn offered(import: &Import) -> Option<FuncType> {
    match import.module.as_str() {
        WASI_MODULE => wasi::signature(&import.field),
        module => functions::signature(module, &import.field),
    }
}

/// What an import comes to on this host.
pub(crate) fn import_use(import: &Import) -> ImportUse {
    match offered(import) {
        None => ImportUse::Unknown,
        Some(ty) if ty != import.ty => ImportUse::OtherSignature,
        Some(_) => {
            let takes = match import.module.as_str() {
                WASI_MODULE => wasi_needs(&import.field),
                module => functions::takes(module, &import.field),
            };
            takes.map_or(ImportUse::Always, ImportUse::Needs)
        }
    }
}

/// What a function of WASI takes.
pub(crate) fn wasi_needs(field: &str) -> Option<Capability> {
    match field {
        // What opens or lists files. The `fd_` functions work on what these opened.
        "fd_readdir" => Some(Capability::Filesystem),
        field if field.starts_with("path_") => Some(Capability::Filesystem),
        field if field.starts_with("sock_") => Some(Capability::Network),
        _ => None,
    }
}

/// Refuses a module that imports what nobody offers, before anything of it runs.
pub(crate) fn check(imports: &[Import]) -> Result<(), InstantiateError> {
    for import in imports {
        let (module, field) = (import.module.clone(), import.field.clone());
        match (import_use(import), offered(import)) {
            (ImportUse::Unknown, _) => {
                return Err(InstantiateError::UnknownImport { module, field });
            }
            (ImportUse::OtherSignature, Some(offered)) => {
                let (found, offered) = (Box::new(import.ty.clone()), Box::new(offered));
                return Err(InstantiateError::ImportSignature { module, field, found, offered });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a module that imports functions for bodies and is not of the generation that has
/// bodies beside its documents: it would read base64 and call functions that have nothing for it.
/// `why` says how that is known.
pub(crate) fn check_bodies(imports: &[Import], why: &str) -> Result<(), InstantiateError> {
    let of_bodies = |import: &&Import| {
        import.module == functions::MODULE && bodies::signature(&import.field).is_some()
    };
    match imports.iter().find(of_bodies) {
        None => Ok(()),
        Some(Import { module, field, .. }) => Err(InstantiateError::Other {
            message: format!(
                "import `{module}.{field}` is for plugins whose `plugbay_abi` returns 2: {why}"
            ),
        }),
    }
}

/// How it is known of a module without the export.
pub(crate) const NO_ABI: &str = "this one does not export it";

#[cfg(test)]
mod tests {
    use plugbay_runtime::abi::ValueType::F64;

    use super::*;

    #[test]
    fn imports_are_told_apart() {
        let import = |module: &str, field: &str, ty| Import {
            module: module.to_owned(),
            field: field.to_owned(),
            ty,
        };
        let nothing = FuncType::new(&[], &[]);
        for (module, field, wanted) in [
            (WASI_MODULE, "fd_write", ImportUse::Always),
            (WASI_MODULE, "path_open", ImportUse::Needs(Capability::Filesystem)),
            (WASI_MODULE, "sock_send", ImportUse::Needs(Capability::Network)),
        ] {
            let ty = wasi::signature(field).unwrap();
            assert_eq!(import_use(&import(module, field, ty)), wanted, "{field}");
        }
        for (field, wanted) in [
            ("log", ImportUse::Always),
            ("http_request", ImportUse::Needs(Capability::Network)),
            ("kv_get", ImportUse::Needs(Capability::Filesystem)),
            ("run", ImportUse::Needs(Capability::Subprocess)),
        ] {
            let ty = functions::signature(functions::MODULE, field).unwrap();
            assert_eq!(import_use(&import(functions::MODULE, field, ty)), wanted, "{field}");
        }
        for (module, field, wanted) in [
            (WASI_MODULE, "fd_write", ImportUse::OtherSignature),
            (WASI_MODULE, "fd_telepathy", ImportUse::Unknown),
            ("env", "abort", ImportUse::OtherSignature),
            ("env", "seed", ImportUse::OtherSignature),
            ("env", "system", ImportUse::Unknown),
            ("wasi_unstable", "fd_write", ImportUse::Unknown),
            (functions::MODULE, "body_read", ImportUse::OtherSignature),
            (functions::MODULE, "kv_get", ImportUse::OtherSignature),
            (functions::MODULE, "body_teleport", ImportUse::Unknown),
        ] {
            assert_eq!(import_use(&import(module, field, nothing.clone())), wanted, "{field}");
        }
        let seed = import("env", "seed", FuncType::new(&[], &[F64]));
        assert_eq!(import_use(&seed), ImportUse::Always);
        assert_eq!(check(&[seed]), Ok(()));
        let own = import(functions::MODULE, "body_len", bodies::signature("body_len").unwrap());
        assert_eq!(import_use(&own), ImportUse::Always);
        assert_eq!(check(std::slice::from_ref(&own)), Ok(()));
        let error = check_bodies(&[own], NO_ABI).unwrap_err().to_string();
        assert!(error.contains("`plugbay.body_len` is for plugins whose `plugbay_abi`"), "{error}");
        let error = check(&[import("env", "abort", nothing)]).unwrap_err().to_string();
        assert_eq!(
            error,
            "import `env.abort` has signature () -> (), offered is (i32, i32, i32, i32) -> ()"
        );
    }
}
