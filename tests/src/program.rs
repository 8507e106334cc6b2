//! Where the program is. Cargo gives a package only its own binaries, so it is built here, once a
//! test process; where nothing changed that takes a moment.
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The `sotto` binary of the profile the tests were built with, or the one that the environment
/// variable `JOURNEYS_PROGRAM` names.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| std::env::var_os("JOURNEYS_PROGRAM").map_or_else(build, PathBuf::from))
}

/// This executable is `target/<profile>/deps/<name>`; the program goes to `target/<profile>/sotto`.
fn build() -> PathBuf {
    let executable = std::env::current_exe().expect("the path of this test");
    let profile_dir = executable.ancestors().nth(2).expect("a profile's folder");
    let target = profile_dir.parent().expect("the target folder");
    let profile = profile_dir.file_name().and_then(|name| name.to_str()).expect("a profile");
    let profile = if profile == "debug" { "dev" } else { profile };
    let mut cargo = Command::new(env!("CARGO"));
    // What is said of this package would have dependencies built again that look at it.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    let status = cargo
        .args(["build", "--locked", "--quiet", "--package", "bootstrap", "--profile", profile])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")])
        .arg("--target-dir")
        .arg(target)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the program can't be built");
    profile_dir.join("sotto")
}
