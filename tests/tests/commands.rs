//! The program on the command line: what it says of itself, and what it refuses to start with.
use journeys::{Ended, PASSWORD, program, run};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// A place for one program: its data and what it is started with.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str], settings: &[(&str, &str)], input: &str) -> Ended {
        let mut command = Command::new(program());
        command.args(arguments).env("SOTTO_DATA_DIR", self.data().join("data"));
        for (name, value) in settings {
            command.env(name, value);
        }
        run(&command, input)
    }

    fn create(&self, name: &str, more: &[&str], input: &str) -> Ended {
        let email = format!("{name}@example.com");
        let arguments = ["user", "create", "--username", name, "--email", &email];
        self.run(&[&arguments[..], more].concat(), &[], input)
    }
}

/// The one sentence a refused start says.
fn sentence(ended: &Ended) -> &str {
    assert!(!ended.success, "{ended:?}");
    assert_eq!(ended.output, "");
    let lines: Vec<&str> = ended.errors.lines().collect();
    let [line] = lines[..] else { panic!("one line, not {lines:?}") };
    line.strip_prefix("sotto: ").expect("says who speaks")
}

#[test]
fn help_lists_every_setting_and_command() {
    let ended = Desk::new().run(&["--help"], &[], "");
    assert!(ended.success);
    for word in [
        "SOTTO_LISTEN",
        "SOTTO_PUBLIC_URL",
        "SOTTO_DATA_DIR",
        "SOTTO_ENCRYPTION_KEYS",
        "SOTTO_TRUSTED_PROXIES",
        "SOTTO_METRICS_FROM",
        "SOTTO_DRAIN",
        "SOTTO_RATE_LIMITS",
        "SOTTO_LOG",
        "SOTTO_LOG_FORMAT",
        "NAME_FILE",
        "127.0.0.1:8000",
        "./data",
        "serve",
        "user",
        "doctor",
        "check",
        "assets",
        "openapi",
        "--version",
    ] {
        assert!(ended.output.contains(word), "{word} is not in\n{}", ended.output);
    }
    let create = Desk::new().run(&["user", "create", "--help"], &[], "");
    for word in ["--username", "--email", "--password-stdin", "--verified"] {
        assert!(create.output.contains(word), "{word} is not in\n{}", create.output);
    }
}

#[test]
fn the_version_is_told() {
    let ended = Desk::new().run(&["--version"], &[], "");
    assert_eq!(ended.output.trim_end(), format!("sotto {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_setting_stops_the_start_with_a_sentence_that_names_it() {
    let desk = Desk::new();
    let zeros = format!("k1:{}=", "A".repeat(43));
    for (name, value, remedy) in [
        ("SOTTO_LISTEN", "8000", "127.0.0.1:8000"),
        ("SOTTO_LISTEN", "localhost", "127.0.0.1:8000"),
        ("SOTTO_LISTEN", "0.0.0.0:8000", "loopback"),
        ("SOTTO_PUBLIC_URL", "chat.example", "https://"),
        ("SOTTO_PUBLIC_URL", "http://chat.example", "https"),
        ("SOTTO_PUBLIC_URL", "https://chat.example", "loopback"),
        ("SOTTO_PUBLIC_URL", "https://chat.example/path", "https://"),
        ("SOTTO_TRUSTED_PROXIES", "10.0.0.0/99", "10.0.0.0/8"),
        ("SOTTO_METRICS_FROM", "everybody", "10.0.0.0/8"),
        ("SOTTO_DRAIN", "soon", "seconds"),
        ("SOTTO_RATE_LIMITS", "maybe", "on or off"),
        ("SOTTO_LOG", "==", "info"),
        ("SOTTO_LOG_FORMAT", "xml", "text or json"),
        ("SOTTO_LISTNE", "127.0.0.1:8000", "--help"),
        ("SOTTO_", "", "--help"),
        ("SOTTO_ENCRYPTION_KEYS", "nonsense", ""),
        ("SOTTO_ENCRYPTION_KEYS", &zeros, ""),
        ("SOTTO_ENCRYPTION_KEYS_FILE", "/nowhere", ""),
        ("SOTTO_DATA_DIR", "/dev/null/data", "directory"),
    ] {
        let ended = desk.run(&["serve"], &[(name, value)], "");
        let said = sentence(&ended);
        assert!(said.contains(name) && said.contains(remedy), "{name}={value}: {said}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let desk = Desk::new();
    let ended = desk.run(&[], &[("SOTTO_LISTEN", &address)], "");
    let said = sentence(&ended);
    assert!(said.contains("SOTTO_LISTEN") && said.contains(&address), "{said}");
}

#[test]
fn a_secret_comes_from_a_file_or_from_the_environment_and_not_from_both() {
    let desk = Desk::new();
    desk.create("ann", &["--verified", "--password-stdin"], PASSWORD);
    let generated = desk.data().join("data/sealing-keys");
    let keys = fs::read_to_string(&generated).expect("generated keys");
    let file = desk.data().join("keys");
    fs::rename(generated, &file).expect("moved");
    let path = file.to_str().expect("a path");
    let arguments = [
        "user",
        "create",
        "--username",
        "bob",
        "--email",
        "bob@example.com",
        "--verified",
        "--password-stdin",
    ];
    let from_file = desk.run(&arguments, &[("SOTTO_ENCRYPTION_KEYS_FILE", path)], PASSWORD);
    assert!(from_file.success, "{}", from_file.errors);
    let both = [("SOTTO_ENCRYPTION_KEYS_FILE", path), ("SOTTO_ENCRYPTION_KEYS", keys.trim())];
    let ended = desk.run(&arguments, &both, PASSWORD);
    let said = sentence(&ended);
    assert!(said.contains("SOTTO_ENCRYPTION_KEYS_FILE") && !said.contains(keys.trim()), "{said}");
}

#[test]
fn an_account_is_made_by_the_first_line_of_input() {
    let desk = Desk::new();
    let made = desk.create(
        "ann",
        &["--verified", "--password-stdin"],
        &format!("{PASSWORD}\nsecond line\n"),
    );
    assert!(made.success && made.output.starts_with("created ann ("), "{made:?}");
    let unproved = desk.create("bob", &["--password-stdin"], PASSWORD);
    assert!(unproved.success && unproved.output.contains("first sign-in"), "{unproved:?}");
    for (name, more, input, expected) in [
        ("ann", &["--verified", "--password-stdin"][..], PASSWORD, "taken"),
        ("ANN", &["--verified", "--password-stdin"], PASSWORD, "taken"),
        ("ann", &["--password-stdin"], PASSWORD, "taken"),
        ("cat", &["--verified", "--password-stdin"], "password", "easy to guess"),
        ("cat", &["--verified", "--password-stdin"], "short", "at least 8"),
        ("cat", &["--verified", "--password-stdin"], "", "at least 8"),
        ("-cat", &["--verified", "--password-stdin"], PASSWORD, "username"),
        ("c@t", &["--verified", "--password-stdin"], PASSWORD, "username"),
        ("cat", &["--verified"], PASSWORD, "--password-stdin"),
        ("cat", &["--password", "x"], PASSWORD, "--password"),
    ] {
        let refused = desk.create(name, more, input);
        assert!(!refused.success, "{name} {more:?}");
        assert!(refused.errors.contains(expected), "{name} {more:?}: {}", refused.errors);
        assert!(!refused.errors.contains(PASSWORD), "{}", refused.errors);
    }
}

#[test]
fn the_description_of_the_api_is_printed() {
    let desk = Desk::new();
    let ended = desk.run(&["openapi"], &[], "");
    assert!(ended.success, "{}", ended.errors);
    let document: serde_json::Value = serde_json::from_str(&ended.output).expect("JSON");
    assert!(document["paths"]["/login"].is_object());
}

#[test]
fn what_is_no_command_is_refused_with_help() {
    for arguments in [&["dance"][..], &["serve", "--fast"], &["user"], &["user", "create"]] {
        let ended = Desk::new().run(arguments, &[], "");
        assert!(!ended.success && ended.errors.contains("Usage"), "{arguments:?}: {ended:?}");
    }
}
