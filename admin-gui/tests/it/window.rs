//! The window for tests: it receives status lines, and is checked by its accessible labels.

use eframe::egui::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use trunkline_admin_gui::{
    App, ClockZone, WindowOptions,
    connection::{Feed, StatusConnection, Update},
    queries::{QueryClient, QueryServer},
};
use trunkline_protocol::status::{ClusterEvent, Snapshot, StatusLine};

use crate::generated::{Cluster, hello, line};

/// A window, the feed of its status stream, and the server of its queries.
pub(crate) struct WindowHarness {
    pub(crate) harness: Harness<'static, App>,
    pub(crate) feed: Feed,
    pub(crate) query_server: QueryServer,
}

impl WindowHarness {
    /// A window that has received nothing.
    pub(crate) fn open() -> Self {
        Self::open_sized([1280.0, 800.0])
    }

    fn open_sized(size: [f32; 2]) -> Self {
        let (connection, feed) = StatusConnection::pair();
        let (query_client, query_server) = QueryClient::pair();
        let mut harness = Harness::builder()
            .with_size(size)
            .build_eframe(|context| App::new(context, "127.0.0.1:7400", connection, query_client));
        // The tests name times, whatever the time zone of this machine is.
        let options = WindowOptions { times: Some(ClockZone::Utc), ..WindowOptions::default() };
        let ctx = harness.ctx.clone();
        harness.state_mut().apply_options(&ctx, options);
        Self { harness, feed, query_server }
    }

    /// A window that has shown a cluster for four seconds, with the rights of an operator.
    pub(crate) fn onto(cluster: &mut Cluster) -> Self {
        Self::sized(cluster, [1280.0, 800.0])
    }

    /// The same with a window of another size.
    pub(crate) fn sized(cluster: &mut Cluster, size: [f32; 2]) -> Self {
        let mut window = Self::open_sized(size);
        window.send_line(hello(true));
        window.advance(cluster, 8);
        window
    }

    /// Receives a status line, and draws.
    pub(crate) fn send_line(&mut self, line: StatusLine) {
        self.update(Update::Line(line));
    }

    /// Receives an update of the connection, and draws.
    pub(crate) fn update(&mut self, update: Update) {
        self.feed.updates.try_send(update).unwrap();
        self.draw();
    }

    /// Receives the next snapshots of a cluster, half a second apart, and draws.
    pub(crate) fn advance(&mut self, cluster: &mut Cluster, snapshots: usize) {
        for _ in 0..snapshots {
            self.feed.updates.try_send(Update::Line(line(cluster.step(500)))).unwrap();
        }
        self.draw();
    }

    /// Receives a snapshot, and draws.
    pub(crate) fn send_snapshot(&mut self, snapshot: Snapshot) {
        self.send_line(line(snapshot));
    }

    /// Receives an event, and draws.
    pub(crate) fn send_event(&mut self, event: ClusterEvent) {
        self.send_line(StatusLine::Event(event));
    }

    /// Draws until all input has had its effect.
    pub(crate) fn draw(&mut self) {
        // The first frame handles a click, the second measures the dialog, and the third shows it.
        self.harness.run_steps(3);
        self.harness.check_accessibility();
    }

    /// Clicks the one control with this label.
    #[track_caller]
    pub(crate) fn click(&mut self, label: &str) {
        let all = self.harness.query_all_by_label(label);
        let mut buttons = all.filter(|node| node.accesskit_node().role() != Role::Label);
        let button = buttons.next().unwrap_or_else(|| panic!("there is no {label:?} to click"));
        assert!(buttons.next().is_none(), "there are several {label:?} to click");
        button.click();
        drop(buttons);
        self.draw();
    }

    /// Replaces the text in the field with this label.
    #[track_caller]
    pub(crate) fn fill(&mut self, label: &str, text: &str) {
        let field = self.harness.get_by_role_and_label(Role::TextInput, label);
        field.set_text_value_accesskit(text);
        self.draw();
    }

    /// Chooses an item of the list with this label.
    #[track_caller]
    pub(crate) fn choose(&mut self, label: &str, choice: &str) {
        self.harness.get_by_role_and_label(Role::ComboBox, label).click();
        self.draw();
        self.harness.get_by_role_and_label(Role::Button, choice).click();
        self.draw();
    }

    /// Presses a key.
    pub(crate) fn key(&mut self, key: eframe::egui::Key) {
        self.harness.key_press(key);
        self.draw();
    }

    /// Whether a widget has exactly this label.
    pub(crate) fn has(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }

    /// Whether the label of a widget contains these words.
    pub(crate) fn has_words(&self, words: &str) -> bool {
        self.harness.query_all_by_label_contains(words).next().is_some()
    }

    /// All labels that contain these words, from top to bottom.
    pub(crate) fn labels(&self, words: &str) -> Vec<String> {
        let all = self.harness.query_all_by_label_contains(words);
        let all = all.map(|node| {
            let node = node.accesskit_node();
            let top = node.raw_bounds().map_or(0.0, |bounds| bounds.y0);
            (top, node.label().unwrap_or_default())
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        all.into_iter().map(|(_, label)| label).collect()
    }

    /// Asserts that a widget has exactly this label.
    #[track_caller]
    pub(crate) fn assert_has(&self, label: &str) {
        assert!(self.has(label), "there is no {label:?} among {:#?}", self.labels(""));
    }

    /// Asserts that the label of a widget contains these words.
    #[track_caller]
    pub(crate) fn assert_words(&self, words: &str) {
        assert!(self.has_words(words), "there is no {words:?} among {:#?}", self.labels(""));
    }
}
