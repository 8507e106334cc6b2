use super::{StoreUnderTest, at_once};
use crate::{START, a_message, a_room_of, a_user, an_arriving_file, later};
use application::ports::AttachmentRepository;
use domain::{
    Timestamp,
    attachment::{
        ArrivingFile, AttachedFile, Attachment, FileClaim, FilePart, LooseFile, SealedPiece,
    },
    history::{Limit, Window},
    id::{AttachmentId, ClientId, RoomId, UserId},
    message::{Alteration, NewMessage},
    sealing::SealedPayload,
};
use std::sync::Arc;

const QUOTA: u64 = 1_000;

fn files(store: &StoreUnderTest) -> Arc<dyn AttachmentRepository> {
    store.attachments.clone()
}
fn room() -> RoomId {
    RoomId::from_bytes([8; 16])
}
fn ann() -> UserId {
    a_user(1).id
}
fn details(n: u32) -> SealedPayload {
    SealedPayload::new(format!("details {n}").into_bytes())
}
fn piece(n: u32, index: u32) -> SealedPiece {
    SealedPiece::new(format!("piece {index} of {n}").into_bytes())
}
fn named(n: u8) -> ClientId {
    ClientId::from_bytes([n; 16])
}
fn file(n: u32) -> ArrivingFile {
    an_arriving_file(n, room(), ann())
}

/// Brings a file of two pieces that counts for 100.
async fn bring(store: &StoreUnderTest, file: ArrivingFile, n: u32) -> AttachmentId {
    files(store).begin(file).await.expect("answers");
    for index in 0..2 {
        let part = FilePart::Original;
        files(store).put_piece(file.id, part, index, piece(n, index)).await.expect("answers");
    }
    let kept = files(store).complete(file.id, 100, QUOTA, details(n)).await.expect("answers");
    assert!(kept, "there is room for it");
    file.id
}
async fn brought(store: &StoreUnderTest, n: u32) -> AttachmentId {
    bring(store, file(n), n).await
}
async fn found(store: &StoreUnderTest, id: AttachmentId) -> Option<Attachment> {
    files(store).find(id).await.expect("answers")
}
async fn found_piece(store: &StoreUnderTest, id: AttachmentId, index: u32) -> Option<SealedPiece> {
    files(store).find_piece(id, FilePart::Original, index).await.expect("answers")
}

fn a_claim(client_id: ClientId, files: &[AttachmentId], at: Timestamp) -> FileClaim {
    FileClaim { uploader: ann(), room: room(), client_id, files: files.to_vec(), at }
}
async fn claims(store: &StoreUnderTest, claim: FileClaim) -> Option<Vec<AttachedFile>> {
    files(store).claim(claim).await.expect("answers")
}
async fn loose(store: &StoreUnderTest, before: Timestamp) -> Vec<LooseFile> {
    files(store).list_loose(before, Limit::default()).await.expect("answers")
}
async fn removes(store: &StoreUnderTest, id: AttachmentId, since: Timestamp) -> bool {
    files(store).remove_loose(id, since).await.expect("answers")
}

pub async fn a_file_is_found_once_it_is_complete(store: &StoreUnderTest) {
    let arriving = file(1);
    files(store).begin(arriving).await.expect("answers");
    for index in 0..300 {
        let part = FilePart::Original;
        files(store).put_piece(arriving.id, part, index, piece(1, index)).await.expect("answers");
    }
    let large = SealedPiece::new(vec![7; SealedPiece::MAX]);
    files(store)
        .put_piece(arriving.id, FilePart::Preview, 0, large.clone())
        .await
        .expect("answers");
    assert_eq!(found(store, arriving.id).await, None);
    assert_eq!(claims(store, a_claim(named(1), &[arriving.id], START)).await, None);
    assert!(files(store).complete(arriving.id, 100, QUOTA, details(1)).await.expect("answers"));

    let whole = Attachment {
        id: arriving.id,
        room: room(),
        uploader: ann(),
        details: details(1),
        used_as: None,
    };
    assert_eq!(found(store, arriving.id).await, Some(whole));
    for index in [0, 1, 255, 256, 299] {
        assert_eq!(found_piece(store, arriving.id, index).await, Some(piece(1, index)));
    }
    assert_eq!(found_piece(store, arriving.id, 300).await, None);
    let preview = files(store).find_piece(arriving.id, FilePart::Preview, 0).await;
    assert_eq!(preview.expect("answers"), Some(large));
    assert_eq!(found_piece(store, file(2).id, 0).await, None);
}

pub async fn files_are_claimed_in_the_order_asked_for(store: &StoreUnderTest) {
    let (one, two) = (brought(store, 1).await, brought(store, 2).await);
    let claimed = claims(store, a_claim(named(1), &[two, one], later(9))).await;
    let expected =
        [(two, 2), (one, 1)].map(|(id, n)| AttachedFile { id, details: details(n) }).to_vec();
    assert_eq!(claimed, Some(expected.clone()));
    assert_eq!(found(store, one).await.and_then(|file| file.used_as), Some(named(1)));
    let again = claims(store, a_claim(named(1), &[two, one], later(10))).await;
    assert_eq!(again, Some(expected), "for the same message again");
    let since: Vec<_> = loose(store, later(60)).await.iter().map(|file| file.since).collect();
    assert_eq!(since, [later(10), later(10)]);
}

pub async fn all_files_are_claimed_or_none(store: &StoreUnderTest) {
    let (mine, used) = (brought(store, 1).await, brought(store, 2).await);
    assert!(claims(store, a_claim(named(1), &[used], START)).await.is_some());
    let theirs = an_arriving_file(3, room(), a_user(2).id);
    let theirs = bring(store, theirs, 3).await;
    let elsewhere = an_arriving_file(4, RoomId::from_bytes([9; 16]), ann());
    let elsewhere = bring(store, elsewhere, 4).await;
    for wrong in [used, theirs, elsewhere, file(5).id] {
        let claim = a_claim(named(2), &[mine, wrong], START);
        assert_eq!(claims(store, claim).await, None);
        assert_eq!(found(store, mine).await.expect("is there").used_as, None);
    }
    assert!(claims(store, a_claim(named(2), &[mine], START)).await.is_some());
}

pub async fn of_claims_that_race_for_files_one_gets_them(store: &StoreUnderTest) {
    let both = [brought(store, 1).await, brought(store, 2).await];
    let claimed = at_once(10, |n| {
        let store = store.clone();
        let claim = a_claim(named(u8::try_from(n).expect("few")), &both, START);
        async move { claims(&store, claim).await.is_some() }
    })
    .await;
    assert_eq!(claimed.iter().filter(|won| **won).count(), 1);
    let winner = claimed.iter().position(|won| *won).and_then(|n| u8::try_from(n).ok());
    for file in both {
        assert_eq!(found(store, file).await.expect("is there").used_as, winner.map(named));
    }
}

pub async fn files_beyond_the_quota_are_not_kept(store: &StoreUnderTest) {
    let count = async || files(store).count_charges(ann()).await.expect("answers");
    assert_eq!(count().await, 0);
    for n in 1..=9 {
        brought(store, n).await;
    }
    files(store).begin(file(10)).await.expect("answers");
    files(store)
        .put_piece(file(10).id, FilePart::Original, 0, piece(10, 0))
        .await
        .expect("answers");
    let kept = async |charge| {
        let kept = files(store).complete(file(10).id, charge, QUOTA, details(10)).await;
        kept.expect("answers")
    };
    assert!(!kept(101).await);
    assert_eq!((count().await, found(store, file(10).id).await), (900, None));
    assert!(kept(100).await);
    assert_eq!(count().await, 1_000);
    bring(store, an_arriving_file(11, room(), a_user(2).id), 11).await;
    assert!(removes(store, file(3).id, START).await);
    assert_eq!(count().await, 900, "what is removed makes room");
}

pub async fn of_files_that_race_no_more_are_kept_than_fit(store: &StoreUnderTest) {
    for n in 1..=8 {
        brought(store, n).await;
    }
    let kept = at_once(8, |n| {
        let (store, file) = (store.clone(), file(100 + n));
        async move {
            files(&store).begin(file).await.expect("answers");
            let (part, piece) = (FilePart::Original, piece(n, 0));
            files(&store).put_piece(file.id, part, 0, piece).await.expect("answers");
            let kept = files(&store).complete(file.id, 100, QUOTA, details(n)).await;
            let kept = kept.expect("answers");
            assert_eq!(found(&store, file.id).await.is_some(), kept);
            kept
        }
    })
    .await;
    let kept = kept.iter().filter(|kept| **kept).count() as u64;
    assert!(kept <= 2, "{kept}");
    assert_eq!(files(store).count_charges(ann()).await.expect("answers"), 800 + kept * 100);
}

pub async fn loose_files_are_listed_until_they_are_settled(store: &StoreUnderTest) {
    let at = |n: u32| ArrivingFile { at: later(n), ..file(n) };
    files(store).begin(at(3)).await.expect("answers");
    let (one, two) = (bring(store, at(1), 1).await, bring(store, at(2), 2).await);
    let loose_file = |id, n| LooseFile { id, uploader: ann(), used_as: None, since: later(n) };
    let all = [loose_file(one, 1), loose_file(two, 2), loose_file(at(3).id, 3)];
    assert_eq!(loose(store, later(4)).await, all);
    assert_eq!(loose(store, later(2)).await, all[..1]);
    let first = files(store).list_loose(later(4), Limit::of(1).expect("one")).await;
    assert_eq!(first.expect("answers"), all[..1]);

    claims(store, a_claim(named(1), &[one], later(5))).await.expect("is free");
    files(store).settle(&[one]).await.expect("answers");
    assert_eq!(loose(store, later(60)).await, all[1..]);
    assert!(found(store, one).await.is_some());
    files(store).loosen(&[one], later(9)).await.expect("answers");
    let loosened = LooseFile { used_as: Some(named(1)), ..loose_file(one, 9) };
    assert_eq!(loose(store, later(60)).await[2..], [loosened]);
}

pub async fn unsent_files_of_an_uploader_are_listed(store: &StoreUnderTest) {
    let (one, two) = (brought(store, 1).await, brought(store, 2).await);
    files(store).begin(file(3)).await.expect("answers");
    bring(store, an_arriving_file(4, room(), a_user(2).id), 4).await;
    claims(store, a_claim(named(1), &[two], START)).await.expect("is free");
    let unsent = files(store).list_unsent(ann(), Limit::default()).await.expect("answers");
    assert_eq!(unsent.iter().map(|file| file.id).collect::<Vec<_>>(), [one]);
}

pub async fn a_file_is_removed_with_all_its_pieces(store: &StoreUnderTest) {
    let (gone, kept) = (brought(store, 1).await, brought(store, 2).await);
    files(store).put_piece(gone, FilePart::Preview, 0, piece(1, 0)).await.expect("answers");
    assert!(removes(store, gone, START).await);
    assert_eq!(found(store, gone).await, None);
    for index in 0..2 {
        assert_eq!(found_piece(store, gone, index).await, None);
        assert_eq!(found_piece(store, kept, index).await, Some(piece(2, index)));
    }
    let preview = files(store).find_piece(gone, FilePart::Preview, 0).await.expect("answers");
    assert_eq!(preview, None);
    assert!(!removes(store, gone, START).await, "it is gone already");
    assert_eq!(claims(store, a_claim(named(1), &[gone], START)).await, None);
    let listed = loose(store, later(60)).await;
    assert_eq!(listed.iter().map(|file| file.id).collect::<Vec<_>>(), [kept]);
}

pub async fn a_file_that_is_not_loose_since_then_is_not_removed(store: &StoreUnderTest) {
    let one = brought(store, 1).await;
    assert!(!removes(store, one, later(1)).await);
    claims(store, a_claim(named(1), &[one], later(2))).await.expect("is free");
    assert!(!removes(store, one, START).await, "it was claimed meanwhile");
    files(store).settle(&[one]).await.expect("answers");
    assert!(!removes(store, one, later(2)).await, "it was sent");
    assert!(found(store, one).await.is_some());
    files(store).loosen(&[one], later(3)).await.expect("answers");
    assert!(removes(store, one, later(3)).await);
}

pub async fn a_claim_and_a_removal_that_race_never_both_succeed(store: &StoreUnderTest) {
    for n in 1..=10 {
        let one = brought(store, n).await;
        let done = at_once(2, |who| {
            let store = store.clone();
            async move {
                if who == 0 {
                    return removes(&store, one, START).await;
                }
                claims(&store, a_claim(named(1), &[one], later(5))).await.is_some()
            }
        })
        .await;
        assert_ne!(done[0], done[1], "removed and claimed");
        assert_eq!(found(store, one).await.is_some(), done[1]);
    }
}

pub async fn a_message_gives_its_files_back_until_it_is_deleted(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let attached = |n| AttachedFile { id: file(n).id, details: details(n) };
    let attachments = vec![attached(2), attached(1)];
    let message = NewMessage { attachments, ..a_message(room, ann(), 1) };
    let plain = a_message(room, ann(), 2);
    for message in [&message, &plain] {
        store.messages.append(vec![message.clone()]).await.pop().expect("one").expect("stored");
    }
    let stored = message.clone().numbered(1, 1);
    let messages = &store.messages;
    let find = async || messages.find_in_room(room, message.id).await.expect("answers");
    assert_eq!(find().await.as_ref(), Some(&stored));
    let elsewhere = messages.find_in_room(RoomId::from_bytes([9; 16]), message.id).await;
    assert_eq!(elsewhere.expect("answers"), None);
    let known = messages.find_by_client_id(ann(), message.client_id).await.expect("answers");
    assert_eq!(known.as_ref(), Some(&stored));
    let page = messages.list_window(room, Window::Latest, Limit::default()).await.expect("answers");
    assert_eq!(page.messages, [stored.clone(), plain.numbered(2, 2)]);
    let changes = messages.list_changes(room, 0, Limit::default()).await.expect("answers");
    assert_eq!(changes.messages, page.messages);

    let change = |alteration| application::ports::MessageChange {
        room,
        message: message.id,
        by: ann(),
        alteration,
    };
    let edit = Alteration::Edit { body: message.body.clone(), at: later(5) };
    let edited = messages.alter(change(edit)).await.expect("answers").expect("allowed");
    assert_eq!(edited.attachments, stored.attachments);
    assert_eq!(find().await, Some(edited));
    let deleted = messages.alter(change(Alteration::Delete)).await.expect("answers");
    assert!(deleted.expect("allowed").attachments.is_empty());
    assert!(find().await.expect("keeps its place").attachments.is_empty());
}

pub async fn files_of_emptied_messages_go_with_the_next_sweep(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let ids = [1, 2].map(|n| an_arriving_file(n, room, ann()));
    for (n, file) in (1..).zip(ids) {
        let id = bring(store, file, n).await;
        let message = a_message(room, ann(), n);
        let claim = FileClaim { room, ..a_claim(message.client_id, &[id], START) };
        let attachments = claims(store, claim).await.expect("is free");
        let message = NewMessage { attachments, ..message };
        store.messages.append(vec![message]).await.pop().expect("one").expect("stored");
        files(store).settle(&[id]).await.expect("answers");
        if n == 1 {
            for person in [1, 2] {
                store.rooms.clear(room, a_user(person).id).await.expect("answers");
            }
        }
    }
    while store.rooms.empty_cleared(Limit::default()).await.expect("answers") {}
    let page = store.messages.list_window(room, Window::Latest, Limit::default()).await;
    let had: Vec<_> =
        page.expect("answers").messages.iter().map(|message| message.attachments.len()).collect();
    assert_eq!(had, [0, 1]);
    let gone = loose(store, later(60)).await;
    assert_eq!(gone.iter().map(|file| file.id).collect::<Vec<_>>(), [ids[0].id]);
    assert_eq!(gone[0].since, LooseFile::LONG_AGO);
    assert!(removes(store, ids[0].id, LooseFile::LONG_AGO).await);
}
