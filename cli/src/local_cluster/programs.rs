//! Where the programs are: beside the running one, built there first if they are missing or old.

use std::{
    env, fs,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use super::ClusterError;

/// What `cargo` tells a program of its package when it runs it, by the beginning of the variable.
const OF_A_PACKAGE: [&[u8]; 5] =
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
    ///
    /// # Errors
    /// If `cargo` cannot be run or the build fails; its own output has said why.
    pub fn built(names: &[&str]) -> Result<Self, ClusterError> {
        let programs = Self { folder: own_folder().map_err(ClusterError::Folder)? };
        // One stamp for each set: its lock is the turn, and once it says something, its time is
        // the start of the last build.
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

    /// Programs in this folder, however old they are.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the program `name` is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether the binary is there and nothing it was made from is newer than `built`.
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
        // Without `-p`, so that the features of dependencies are those of the whole workspace: a
        // selection would compile them once more.
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(project()).args(["build", "--profile", self.profile()]);
        if let Some(target) = self.folder.parent() {
            cargo.arg("--target-dir").arg(target);
        }
        cargo.args(programs.iter().flat_map(|name| ["--bin", *name]));
        // A build script that reads one of these would take the change for a reason to run again.
        for (name, _) in env::vars_os() {
            if OF_A_PACKAGE.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix)) {
                cargo.env_remove(name);
            }
        }
        match cargo.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(ClusterError::Build(io::Error::other(status.to_string()))),
            Err(error) => Err(ClusterError::Build(error)),
        }
    }

    /// Cargo names the folder after the profile, but for one.
    fn profile(&self) -> &str {
        match self.folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        }
    }
}

/// The folder that `cargo` puts programs in: that of the running one, or for a test, which runs in
/// `deps`, the one above.
fn own_folder() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let above = folder.parent().filter(|_| folder.ends_with("deps"));
    Ok(above.unwrap_or(folder).to_owned())
}

/// The files after the colon of a make rule, which is how `cargo` lists what it read.
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
    fn make_rules_list_files_with_spaces() {
        let files = dependencies("/t/debug/node: /src/a.rs /my\\ src/b.rs\n");
        assert_eq!(files, [Path::new("/src/a.rs"), Path::new("/my src/b.rs")]);
        assert_eq!(dependencies("/t/debug/node:\n"), Vec::<PathBuf>::new());
    }
}
