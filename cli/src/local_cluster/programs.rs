//! The programs beside the running one. Missing or old ones are built first.

use std::{
    env, fs,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use super::ClusterError;

/// Prefixes of the variables that `cargo run` sets for the package that it runs.
const PACKAGE_VARIABLES: [&[u8]; 5] =
    [b"CARGO_PKG_", b"CARGO_MANIFEST_", b"CARGO_BIN_", b"CARGO_CRATE_", b"OUT_DIR"];

/// The top of the project.
pub fn project() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Programs of this workspace that are built and up to date, in one folder.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Makes sure that these programs are beside the running one and as new as their sources; if
    /// not, `cargo` builds them, with the same profile. A caller in another process waits for that
    /// build and does not start another.
    pub fn built(names: &[&str]) -> Result<Self, ClusterError> {
        let programs = Self { folder: own_folder().map_err(ClusterError::Folder)? };
        // One stamp for each set of programs. Its lock serialises builds; once it is not empty, its
        // time is the start of the last build.
        let stamp = programs.folder.join(format!(".{}.stamp", names.join("+")));
        let stamp = File::options().create(true).truncate(false).write(true).open(stamp);
        let mut stamp = stamp.map_err(ClusterError::Folder)?;
        stamp.lock().map_err(ClusterError::Folder)?;
        let data = stamp.metadata().map_err(ClusterError::Folder)?;
        let built = data.modified().ok().filter(|_| data.len() > 0);
        if !names.iter().all(|name| programs.is_fresh(name, built)) {
            let begin = SystemTime::now();
            programs.build(names)?;
            let marked = stamp.write_all(b"built").and_then(|()| stamp.set_modified(begin));
            marked.map_err(ClusterError::Folder)?;
        }
        Ok(programs)
    }

    /// Programs in this folder, however old.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The path of the program `name`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether the binary exists and none of its sources is newer than `built`.
    fn is_fresh(&self, name: &str, built: Option<SystemTime>) -> bool {
        let (Some(built), true) = (built, self.path(name).exists()) else { return false };
        let Ok(sources) = fs::read_to_string(self.folder.join(format!("{name}.d"))) else {
            return false;
        };
        let sources = dependencies(&sources);
        let manifests = ["Cargo.toml", "Cargo.lock"].map(|name| project().join(name));
        sources.into_iter().chain(manifests).all(|source| {
            let changed = fs::metadata(source).and_then(|data| data.modified());
            changed.is_ok_and(|changed| changed < built)
        })
    }

    fn build(&self, programs: &[&str]) -> Result<(), ClusterError> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(project()).args(["build", "--profile", self.profile()]);
        if let Some(target) = self.folder.parent() {
            cargo.arg("--target-dir").arg(target);
        }
        // With `-p`, `cargo` enables only the features that these packages need. A release gets them: it
        // is measured, and is what ships. A dev build has the features of the whole workspace, so that
        // no dependency is compiled twice.
        let flag = if self.profile() == "release" { "-p" } else { "--bin" };
        cargo.args(programs.iter().flat_map(|name| [flag, *name]));
        // A build script that reads one of these would run again, as its value has changed.
        for (name, _) in env::vars_os() {
            if PACKAGE_VARIABLES.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix)) {
                cargo.env_remove(name);
            }
        }
        match cargo.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(ClusterError::Build(io::Error::other(status.to_string()))),
            Err(error) => Err(ClusterError::Build(error)),
        }
    }

    /// Cargo names the folder after the profile, except for `dev`.
    fn profile(&self) -> &str {
        match self.folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        }
    }
}

/// The folder of the running program. A test runs in `deps` below it.
fn own_folder() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let above = folder.parent().filter(|_| folder.ends_with("deps"));
    Ok(above.unwrap_or(folder).to_owned())
}

/// The files after the colon of a make rule, the format of `cargo`'s `.d` files.
fn dependencies(rule: &str) -> Vec<PathBuf> {
    let files = rule.split_once(": ").map_or("", |(_, files)| files);
    let files = files.trim_end().replace("\\ ", "\0");
    files
        .split(' ')
        .filter(|file| !file.is_empty())
        .map(|file| file.replace('\0', " ").into())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_in_make_rules_may_have_spaces() {
        let files = dependencies("/t/debug/node: /src/a.rs /my\\ src/b.rs\n");
        assert_eq!(files, [Path::new("/src/a.rs"), Path::new("/my src/b.rs")]);
        assert_eq!(dependencies("/t/debug/node:\n"), Vec::<PathBuf>::new());
    }
}
