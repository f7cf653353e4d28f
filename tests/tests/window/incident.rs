//! An incident on a real cluster: what the window says of it is what the load generator knows.

use std::time::{Duration, Instant};

use trunkline_bench::{SessionId, TrafficCounts, TrafficPace};
use trunkline_tests::window_process::WindowText;

use crate::{Load, window_test::WindowTest};

/// How many users log in on each node.
const USERS: usize = 10;

/// Messages a second, a part of them between nodes.
const PER_SECOND: f64 = 200.0;

/// How long the load runs before the incident and after it.
const CALM: Duration = Duration::from_secs(3);

/// How long the relay is away: longer than a send's deadline.
const OUTAGE: Duration = Duration::from_secs(8);

#[tokio::test]
async fn totals_of_an_incident_are_those_of_the_load_generator() {
    let mut test = WindowTest::open("outcomes").await;
    let mut load = Load::new().unwrap();
    test.until("the window is up to date", &mut load, |text| text.has("Healthy"));
    let users = (0..3 * USERS).map(|user| (test.system().node(user), format!("user-{user}")));
    let sessions = load.log_in(users).unwrap();
    // Each user writes to two others: one on the next node, and one on the same.
    let to = |from: usize, step: usize| (sessions[from], sessions[(from + step) % sessions.len()]);
    let pairs: Vec<(SessionId, SessionId)> =
        (0..sessions.len()).flat_map(|from| [to(from, 1), to(from, 3)]).collect();
    let traffic = load.traffic(TrafficPace::Open { per_second: PER_SECOND }, pairs, 128);
    load.start(traffic);
    load.run(CALM).unwrap();

    let relay = test.cluster.relay().name().to_owned();
    test.cluster.kill(&relay).await.unwrap();
    load.run(OUTAGE).unwrap();
    test.until("the window says that it does not know", &mut load, |text| {
        text.mentions("No data from the relay: last known values, as of")
            && !text.has("Healthy")
            && !text.has("Nodes ● 3 live")
    });
    test.cluster.start(&relay).await.unwrap();
    test.until("sends are delivered again", &mut load, |text| {
        text.has("Nodes ● 3 live") && text.has("Relay ● up")
    });
    load.run(CALM).unwrap();
    load.stop(traffic);
    load.await_outcomes(&[traffic], Duration::from_secs(20)).unwrap();

    // The last message may have arrived before its receipt.
    let mut counts = load.counts(traffic);
    let begin = Instant::now();
    while counts.sent != counts.delivered + counts.refused + counts.unconfirmed {
        assert!(begin.elapsed() < Duration::from_secs(30), "a send has no outcome: {counts:?}");
        load.run(Duration::from_millis(50)).unwrap();
        counts = load.counts(traffic);
    }
    assert!(counts.refused > 0, "the outage was felt: {counts:?}");
    test.until("the window's totals are the generator's", &mut load, |text| agree(text, counts));
    let affected = counts.refused + counts.unconfirmed;
    test.until("what the incident did stays", &mut load, |text| {
        text.mentions("Recovered") && text.mentions(&format!("{affected} sends affected"))
    });
}

/// Whether the row of all nodes has what the load generator counted.
fn agree(text: &WindowText, counts: TrafficCounts) -> bool {
    let shown = |outcome: &str| {
        let cell = text.cell("all nodes", outcome)?;
        cell.replace(',', "").parse::<u64>().ok()
    };
    let refused = ["unreachable", "busy", "offline"].map(shown).into_iter().sum::<Option<u64>>();
    (shown("delivered"), refused, shown("unconfirmed"))
        == (Some(counts.delivered), Some(counts.refused), Some(counts.unconfirmed))
}
