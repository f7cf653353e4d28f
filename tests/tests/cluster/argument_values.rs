//! Addresses, URLs, numbers and empty variables: which are accepted, and which valid form an error names.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::timeout,
};

use crate::{
    invalid_arguments::{Fixture, Program},
    support::SOON,
};

#[tokio::test]
async fn relay_address_is_host_and_port() {
    let fixture = Fixture::new();
    for (relay, right) in [
        ("quic://127.0.0.1:7400", "127.0.0.1:7400"),
        ("http://relay", "127.0.0.1:7400"),
        ("::1:7400", "[::1]:7400"),
        ("[::1]", "[::1]:7400"),
        ("::1", "[::1]:7400"),
        ("relay", "127.0.0.1:7400"),
        ("relay:0", "1 to 65535"),
        ("relay:65536", "65535"),
        ("re lay:7400", "127.0.0.1:7400"),
        (":7400", "127.0.0.1:7400"),
        ("alice:secret@relay:7400", "127.0.0.1:7400"),
    ] {
        fixture.refuses(Program::Node, &[("--relay", relay)], &["--relay", right]).await;
    }
    for relay in ["[::1]:7400", "relay-1.example:7400", "localhost:7400"] {
        assert!(fixture.starts(Program::Node, &[("--relay", relay)]).await.starts_with("ready "));
    }
}

#[tokio::test]
async fn listen_address_may_have_a_host_name() {
    let fixture = Fixture::new();
    for program in Program::BOTH {
        for flag in ["--listen", "--ops"] {
            for (address, right) in [
                (":9001", "0.0.0.0:9001"),
                ("*:9001", "[::]:9001"),
                ("9001", "0.0.0.0:9001"),
                ("localhost", "127.0.0.1:9001"),
                ("::1:9001", "[::1]:9001"),
                ("tcp://127.0.0.1:9001", "127.0.0.1:9001"),
                ("no-such-host.invalid:9001", "looked up"),
                ("192.0.2.1:9001", "this host does not have it"),
            ] {
                fixture.refuses(program, &[(flag, address)], &[flag, right]).await;
            }
        }
        let line =
            fixture.starts(program, &[("--listen", "localhost:0"), ("--ops", "localhost:0")]).await;
        assert!(line.contains("127.0.0.1:") || line.contains("[::1]:"), "{line}");
    }
}

#[tokio::test]
async fn advertised_url_must_be_dialable() {
    let fixture = Fixture::new();
    for (url, right) in [
        ("ws://host:9001", "ws://host:9001/ws"),
        ("ws://", "host is missing"),
        ("wss://chat 1/ws", "blank"),
        ("http://host/ws", "ws://"),
        ("ws://0.0.0.0:9001/ws", "wildcard"),
        ("ws://host:0/ws", "port 0"),
        ("ws://host/ws#x", "fragment"),
        ("ws://alice:secret@host/ws", "leave them out"),
    ] {
        fixture.refuses(Program::Node, &[("--advertise", url)], &["--advertise", right]).await;
    }
    let line = fixture.starts(Program::Node, &[("--advertise", "wss://chat.example/t/ws")]).await;
    assert_eq!(line, "ready node-1 wss://chat.example/t/ws");
}

#[tokio::test]
async fn number_out_of_bounds_names_the_bounds() {
    let fixture = Fixture::new();
    for (flag, least, most) in [
        ("--capacity", "1", "1000000"),
        ("--max-frame", "256", "262144"),
        ("--sessions-per-user", "1", "1000"),
        ("--deadline", "100", "600000"),
    ] {
        for given in ["0", "-1", "99999999999999999999", "many", "1.5", "1e3", " 7"] {
            fixture.refuses(Program::Node, &[(flag, given)], &[flag, least, most]).await;
        }
    }
}

#[tokio::test]
async fn empty_variable_counts_as_unset() {
    let fixture = Fixture::new();
    for program in Program::BOTH {
        let names =
            ["OPS", "REDIS_PREFIX", "AUTH", "ADVERTISE", "CAPACITY", "RELAY", "LOG", "DEADLINE"];
        let empty = names.map(|name| (format!("TRUNKLINE_{name}"), String::new()));
        let line = fixture.starts_with_variables(program, &[], &empty).await;
        assert!(line.starts_with("ready "), "{line}");
        // It does not replace a required value either.
        let mut command = fixture.command(program);
        command.args(fixture.args(program, &[("--certs", "")])).env("TRUNKLINE_CERTS", "");
        let output = timeout(SOON, command.output()).await.unwrap().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains("--certs"), "{said}");
    }
}

impl Fixture {
    /// Starts it, and returns its ready line.
    async fn starts(&self, program: Program, instead: &[(&str, &str)]) -> String {
        self.starts_with_variables(program, instead, &[]).await
    }

    async fn starts_with_variables(
        &self,
        program: Program,
        instead: &[(&str, &str)],
        variables: &[(String, String)],
    ) -> String {
        let mut command = self.command(program);
        command.args(self.args(program, instead)).envs(variables.iter().cloned());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        timeout(SOON, stdout.read_line(&mut line)).await.unwrap().unwrap();
        child.kill().await.unwrap();
        line.trim_end().to_owned()
    }
}
