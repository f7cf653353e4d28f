use trunkline_link::Lane;
use trunkline_protocol::{
    Incarnation,
    lane::{LANES, LoginNotice, RECEIPT_LANE, Receipt, ReceiptStatus},
};

use super::Links;
use crate::{
    custody::{Forwarded, RelayLinkId},
    defaults::BATCH_BYTES,
};

fn node(byte: u8) -> Incarnation {
    Incarnation::from_bytes([byte; 16])
}

fn lanes(bytes_max: usize) -> Vec<Lane> {
    (0..LANES).map(|_| Lane::new(bytes_max)).collect()
}

fn linked() -> (Links, RelayLinkId, Vec<Lane>) {
    let (mut links, lanes) = (Links::new(node(1)), lanes(1024 * 1024));
    let id = links.up(lanes.clone());
    (links, id, lanes)
}

fn receipt(seq: u64) -> Receipt {
    Receipt { seq, status: ReceiptStatus::Taken, route_stale: false, missed: 0 }
}

fn batch(forwarded: Forwarded) -> u32 {
    match forwarded {
        Forwarded::InBatch { batch, .. } => batch,
        other => panic!("not in a batch: {other:?}"),
    }
}

#[test]
fn messages_to_one_node_share_a_batch_until_the_flush() {
    let (mut links, _, lanes) = linked();
    let first = batch(links.message(0, node(2), 1, b"a", false));
    assert_eq!(batch(links.message(0, node(2), 2, b"b", false)), first);
    assert_ne!(batch(links.message(0, node(3), 3, b"c", false)), first);
    assert!(links.has_unsealed() && links.queued_bytes() == 0);
    assert!(!links.flush(false));
    assert!(!links.has_unsealed() && links.queued_bytes() == lanes[0].queued_bytes());
    assert_ne!(batch(links.message(0, node(2), 4, b"d", false)), first);
}

#[test]
fn large_batch_does_not_wait_for_the_flush() {
    let (mut links, _, lanes) = linked();
    links.message(1, node(2), 1, &vec![0; BATCH_BYTES], false);
    assert!(lanes[1].queued_bytes() > BATCH_BYTES);
}

#[test]
fn receipts_wait_for_something_to_go_with() {
    let (mut links, _, lanes) = linked();
    links.receipt(node(2), receipt(1), false);
    assert!(links.flush(false) && lanes[RECEIPT_LANE].queued_bytes() == 0);
    links.message(0, node(3), 2, b"a", false);
    assert!(!links.flush(false) && lanes[RECEIPT_LANE].queued_bytes() > 0);
    links.receipt(node(2), receipt(3), false);
    assert!(!links.flush(true), "when they are due, they go alone");
}

#[test]
fn without_a_link_nothing_gathers() {
    let mut links = Links::new(node(1));
    assert_eq!(links.message(0, node(2), 1, b"a", false), Forwarded::NoLink);
    links.receipt(node(2), receipt(1), false);
    links.notice(node(2), LoginNotice { user: "bob", replaces: false });
    assert!(!links.has_unsealed() && !links.flush(true));
    assert_eq!(links.counts.receipts_dropped, 1);
}

#[test]
fn full_lane_refuses_and_counts() {
    let mut links = Links::new(node(1));
    links.up(lanes(100));
    assert_eq!(links.message(0, node(2), 1, &[0; 50], false), Forwarded::Full);
    batch(links.message(0, node(2), 1, &[0; 44], false));
    links.receipt(node(2), receipt(1), false);
    links.receipt(node(3), receipt(2), false);
    assert_eq!((links.counts.refused_full, links.counts.receipts_dropped), (1, 1));
}

#[test]
fn lost_link_drops_what_was_not_sealed() {
    let (mut links, id, _lanes) = linked();
    let last = batch(links.message(0, node(2), 1, b"a", false));
    assert_eq!(links.lost(RelayLinkId::default()), None, "another link");
    assert!(links.is_up());
    assert_eq!(links.lost(id), Some([0; 4]), "QUIC took no batch");
    assert!(!links.is_up() && !links.has_unsealed());
    assert_eq!(links.lost(id), None);

    assert_ne!(links.up(lanes(1024)), id);
    let next = batch(links.message(0, node(2), 1, b"a", false));
    assert!(next > last, "a refusal of the lost link must not name a batch of this one");
}

#[test]
fn forgotten_node_keeps_what_waits_for_it() {
    let (mut links, _, lanes) = linked();
    links.message(0, node(2), 1, b"a", false);
    links.forget(node(2));
    links.flush(false);
    assert!(lanes[0].queued_bytes() > 0);
}
