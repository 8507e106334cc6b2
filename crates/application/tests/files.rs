use crate::world::{MILLISECOND, World, a_body, a_draft, down, limits_but};
use application::{
    chat::{Draft, SendError, Sent, Wish},
    files::{Bring, BringError, Description, Fetch, FetchError, Fetched, Vault},
    ports::MockAttachmentRepository,
};
use domain::{
    attachment::{
        ArrivingFile, Attachment, FileClaim, FileDetails, FileName, FilePart, MediaType, PIECE,
        SealedPiece,
    },
    history::{Limit, Window},
    id::{AttachmentId, ClientId, RoomId, UserId},
    message::{Alteration, MessageBody},
    sealing::SealedPayload,
};
use std::sync::Arc;
use testkit::{START, a_user};
use tokio::sync::Semaphore;

fn me(n: u32) -> UserId {
    a_user(n).id
}

fn described() -> Description {
    let name = FileName::parse("notes.txt").expect("a name");
    Description { name, kind: MediaType::of(Some("text/plain")) }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n % 251).expect("small")).collect()
}

/// Brings a file in parts of an odd length.
async fn bring(
    bring: &Bring,
    n: u32,
    room: RoomId,
    bytes: &[u8],
) -> Result<(AttachmentId, FileDetails), BringError> {
    let mut bringing = bring.begin(me(n), room, described()).await?;
    for part in bytes.chunks(10_007) {
        if let Err(error) = bringing.write(part).await {
            bringing.abandon().await;
            return Err(error);
        }
    }
    bringing.finish().await
}

async fn brought(w: &World, n: u32, room: RoomId, bytes: &[u8]) -> AttachmentId {
    bring(&w.bring(), n, room, bytes).await.expect("is kept").0
}

fn with(room: RoomId, n: u8, files: &[AttachmentId]) -> Draft {
    Draft { body: MessageBody::none(), attachments: files.to_vec(), ..a_draft(room, n, "x") }
}

async fn fetch(w: &World, n: u32, file: AttachmentId) -> Result<Fetched, FetchError> {
    w.fetch().execute(me(n), file, FilePart::Original).await
}

async fn may_have(w: &World, n: u32, file: AttachmentId) -> bool {
    match fetch(w, n, file).await {
        Ok(_) => true,
        Err(FetchError::NoSuchFile) => false,
        Err(other) => panic!("{other:?}"),
    }
}

async fn read(file: &Fetched, bytes: std::ops::Range<u64>) -> Result<Vec<u8>, FetchError> {
    let mut all = Vec::new();
    for index in file.pieces_of(&bytes) {
        all.extend(file.read(&bytes, index).await?);
    }
    Ok(all)
}

/// Whether anything is there of a file, for anybody.
async fn is_kept(w: &World, file: AttachmentId) -> bool {
    let files = &w.store.attachments;
    let piece = files.find_piece(file, FilePart::Original, 0).await.expect("answers");
    let found = files.find(file).await.expect("answers");
    assert_eq!(piece.is_some(), found.is_some());
    piece.is_some()
}

async fn loose(w: &World) -> usize {
    let far = w.now() + Attachment::WAITS;
    w.store.attachments.list_loose(far, Limit::default()).await.expect("answers").len()
}

#[tokio::test]
async fn a_file_of_any_length_comes_back_as_it_was() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    for length in [1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 9] {
        let bytes = content(length);
        let id = brought(&w, 1, room, &bytes).await;
        let file = fetch(&w, 1, id).await.expect("is there");
        assert_eq!(file.size(), length as u64);
        assert!(read(&file, 0..length as u64).await.expect("opens") == bytes, "{length}");
        let last = length as u64 - 1;
        assert_eq!(read(&file, last..last + 1).await.expect("opens"), bytes[length - 1..]);
    }
}

#[tokio::test]
async fn a_part_opens_the_pieces_it_is_in_alone() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let bytes = content(4 * PIECE);
    let id = brought(&w, 1, room, &bytes).await;
    let file = fetch(&w, 1, id).await.expect("is there");
    let piece = PIECE as u64;
    for (part, pieces) in [
        (0..1, 0..1),
        (piece - 1..piece, 0..1),
        (piece - 1..piece + 1, 0..2),
        (piece..2 * piece, 1..2),
        (3 * piece + 5..4 * piece, 3..4),
    ] {
        assert_eq!(file.pieces_of(&part), pieces, "{part:?}");
        let [start, end] = [part.start, part.end].map(|at| usize::try_from(at).expect("small"));
        assert!(read(&file, part.clone()).await.expect("opens") == bytes[start..end], "{part:?}");
    }
}

#[tokio::test]
async fn an_empty_or_too_large_file_leaves_nothing_behind() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let empty = bring(&w.bring(), 1, room, &[]).await;
    assert!(matches!(empty, Err(BringError::Empty)));
    let most = usize::try_from(Attachment::MAX_SIZE).expect("fits");
    let too_large = bring(&w.bring(), 1, room, &vec![0; most + 1]).await;
    assert!(matches!(too_large, Err(BringError::TooLarge)));
    assert_eq!(loose(&w).await, 0);
    assert!(bring(&w.bring(), 1, room, &vec![0; most]).await.is_ok());
}

#[tokio::test]
async fn files_are_brought_to_ones_own_rooms_alone_and_not_too_often() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    w.an_account(3).await;
    let stranger = bring(&w.bring(), 3, room, b"x").await;
    assert!(matches!(stranger, Err(BringError::NoSuchRoom)));
    let throttled = Bring { limits: limits_but("bring_file"), ..w.bring() };
    let refused = bring(&throttled, 1, room, b"x").await;
    assert!(matches!(refused, Err(BringError::Throttled(_))));
    let full = Bring { places: Arc::new(Semaphore::new(0)), ..w.bring() };
    assert!(matches!(bring(&full, 1, room, b"x").await, Err(BringError::Busy)));
    assert_eq!(loose(&w).await, 0);
}

#[tokio::test]
async fn who_has_too_many_files_is_turned_away_before_sending_one() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let files = w.store.attachments.clone();
    let large =
        ArrivingFile { id: AttachmentId::mint(START, [9; 10]), room, uploader: me(1), at: START };
    files.begin(large).await.expect("answers");
    let piece = SealedPiece::new(vec![1]);
    files.put_piece(large.id, FilePart::Original, 0, piece).await.expect("answers");
    let details = SealedPayload::new(vec![1]);
    let charge = Attachment::QUOTA - PIECE as u64;
    assert!(files.complete(large.id, charge, Attachment::QUOTA, details).await.expect("answers"));

    let two = bring(&w.bring(), 1, room, &content(PIECE + 1)).await;
    assert!(matches!(two, Err(BringError::QuotaExceeded)), "one byte too many");
    assert!(bring(&w.bring(), 1, room, b"small").await.is_ok(), "exactly what is left");
    let begun = w.bring().begin(me(1), room, described()).await;
    assert!(matches!(begun, Err(BringError::QuotaExceeded)));
    assert!(bring(&w.bring(), 2, room, b"small").await.is_ok(), "others have their own");
}

#[tokio::test]
async fn an_image_that_can_be_drawn_is_one_whatever_it_is_called() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let (id, details) = bring(&w.bring(), 1, room, b"GIF89a ... !").await.expect("is kept");
    assert_eq!(details.kind.as_str(), "image/gif");
    let image = details.image.expect("an image");
    assert_eq!((image.width, image.height, image.preview_size), (30, 20, 70_000));
    let preview = w.fetch().execute(me(1), id, FilePart::Preview).await.expect("has one");
    assert_eq!(read(&preview, 0..70_000).await.expect("opens"), vec![7; 70_000]);

    for no_image in [&b"GIF89a ... ?"[..], b"<svg/>!"] {
        let (id, details) = bring(&w.bring(), 1, room, no_image).await.expect("is kept");
        assert_eq!((details.kind.as_str(), details.image), ("text/plain", None));
        let preview = w.fetch().execute(me(1), id, FilePart::Preview).await;
        assert!(matches!(preview, Err(FetchError::NoSuchFile)));
    }
}

#[tokio::test]
async fn a_file_is_its_uploaders_until_it_is_sent_and_nobodys_once_deleted() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    w.a_room(1, 3).await;
    let file = brought(&w, 1, room, b"hello").await;
    let may = async || [may_have(&w, 1, file).await, may_have(&w, 2, file).await];
    assert_eq!(may().await, [true, false]);
    let message = w.send(1, with(room, 1, &[file])).await.message;
    assert_eq!(may().await, [true, true]);
    assert!(!may_have(&w, 3, file).await);
    assert_eq!(loose(&w).await, 0, "it is settled");
    w.alter_messages().execute(me(1), room, message.id, Wish::Delete).await.expect("is deleted");
    assert_eq!(may().await, [false, false]);
    assert!(!is_kept(&w, file).await);
}

#[tokio::test]
async fn a_deletion_that_is_refused_lets_no_file_go() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let file = brought(&w, 1, room, b"hello").await;
    let message = w.send(1, with(room, 1, &[file])).await.message;
    let refused = w.alter_messages().execute(me(2), room, message.id, Wish::Delete).await;
    refused.expect_err("it is not theirs");
    assert_eq!(loose(&w).await, 0);
    assert!(may_have(&w, 2, file).await);
}

#[tokio::test]
async fn what_is_told_with_a_message_is_what_was_brought() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let (id, details) = bring(&w.bring(), 1, room, b"GIF89a!").await.expect("is kept");
    let sent = w.send(1, with(room, 1, &[id])).await;
    assert_eq!((sent.attachments[0].id, &sent.attachments[0].details), (id, &Some(details)));
    let history = w.history();
    let read = history.read(me(2), room, Window::Latest, Limit::default()).await;
    assert_eq!(read.expect("reads").messages, [sent]);
}

#[tokio::test]
async fn a_message_without_its_files_is_not_sent_and_may_be_tried_again() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let (file, nothing) = (brought(&w, 1, room, b"x").await, AttachmentId::mint(START, [9; 10]));
    let refused = w.send_messages().execute(me(1), with(room, 1, &[file, nothing])).await;
    assert!(matches!(refused, Err(SendError::NoSuchAttachment)));
    let sent = w.send_messages().execute(me(1), with(room, 1, &[file])).await;
    assert!(matches!(sent, Ok(Sent::New(_))));
    let again = w.send_messages().execute(me(1), with(room, 1, &[file])).await;
    assert!(matches!(again, Ok(Sent::Known(_))));
    let other = w.send_messages().execute(me(1), with(room, 1, &[])).await;
    assert!(matches!(other, Err(SendError::ClientIdReused)));
    let other = w.send_messages().execute(me(1), with(room, 2, &[file])).await;
    assert!(matches!(other, Err(SendError::NoSuchAttachment)));
}

#[tokio::test]
async fn what_follows_files_that_cannot_be_claimed_does_not_overtake_them() {
    let w = World::new();
    let (room, elsewhere) = (w.a_room(1, 2).await, w.a_room(1, 3).await);
    let mut failing = MockAttachmentRepository::new();
    failing.expect_claim().returning(|_| Err(down()));
    let mut send_messages = w.send_messages();
    send_messages.attachments = Arc::new(failing);
    let file = AttachmentId::mint(START, [9; 10]);
    let drafts = vec![
        a_draft(room, 1, "before"),
        with(room, 2, &[file]),
        a_draft(room, 3, "after"),
        a_draft(elsewhere, 4, "elsewhere"),
    ];
    let outcomes = send_messages.execute_batch(me(1), drafts).await;
    let sent: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(Sent::New(_)) => true,
            Err(SendError::Unavailable(_)) => false,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sent, [true, false, false, true]);
}

/// A reader of the files of a store that lies.
fn lied_to(w: &World, lies: MockAttachmentRepository) -> Fetch {
    Fetch { vault: Vault { attachments: Arc::new(lies), ..w.vault() }, ..w.fetch() }
}

#[tokio::test]
async fn a_file_whose_pieces_were_swapped_or_cut_is_unreadable() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let id = brought(&w, 1, room, &content(3 * PIECE)).await;
    let short = brought(&w, 1, room, &content(2 * PIECE)).await;
    let files = &w.store.attachments;
    let file = files.find(id).await.expect("answers").expect("is there");
    let mut pieces = Vec::new();
    for (of, index) in [(id, 1), (id, 0), (id, 2), (short, 1)] {
        let piece = files.find_piece(of, FilePart::Original, index).await.expect("answers");
        pieces.push(piece.expect("is there"));
    }
    let [one, zero, two, end] = <[_; 4]>::try_from(pieces).expect("four");
    for (what, rest) in [
        ("swapped", vec![one.clone(), zero.clone(), two]),
        ("cut", vec![zero.clone(), one]),
        ("ends earlier", vec![zero, end]),
    ] {
        let (mut lies, file) = (MockAttachmentRepository::new(), file.clone());
        lies.expect_find().returning(move |_| Ok(Some(file.clone())));
        lies.expect_find_piece().returning(move |_, _, index| {
            Ok(rest.get(usize::try_from(index).expect("small")).cloned())
        });
        let fetched = lied_to(&w, lies).execute(me(1), id, FilePart::Original).await;
        let fetched = fetched.expect("is told of");
        let read = read(&fetched, 0..fetched.size()).await;
        assert!(matches!(read, Err(FetchError::Unreadable)), "{what}");
    }
}

#[tokio::test]
async fn files_that_nobody_sent_are_swept_after_a_day() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let unsent = brought(&w, 1, room, b"unsent").await;
    let sent = brought(&w, 1, room, b"sent").await;
    w.send(1, with(room, 1, &[sent])).await;
    let half = w.bring().begin(me(1), room, described()).await.expect("begins");
    drop(half);
    w.clock.advance(Attachment::WAITS);
    w.sweep().execute().await.expect("sweeps");
    assert_eq!(loose(&w).await, 2);
    w.clock.advance(MILLISECOND);
    w.sweep().execute().await.expect("sweeps");
    assert_eq!((is_kept(&w, unsent).await, is_kept(&w, sent).await), (false, true));
    assert_eq!(loose(&w).await, 0);
    assert!(may_have(&w, 2, sent).await);
}

#[tokio::test]
async fn what_a_crash_left_undecided_is_decided_by_what_the_message_says() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let files = w.store.attachments.clone();
    // Claimed for a message that never came.
    let lost = brought(&w, 1, room, b"lost").await;
    let claim = |n, file| FileClaim {
        uploader: me(1),
        room,
        client_id: ClientId::from_bytes([n; 16]),
        files: vec![file],
        at: w.now(),
    };
    files.claim(claim(7, lost)).await.expect("answers").expect("is free");
    // Sent, and not settled.
    let sent = brought(&w, 1, room, b"sent").await;
    w.send(1, with(room, 1, &[sent])).await;
    files.loosen(&[sent], w.now()).await.expect("answers");
    // Of a message that was deleted, and not removed.
    let deleted = brought(&w, 1, room, b"deleted").await;
    let message = w.send(1, with(room, 2, &[deleted])).await.message;
    files.loosen(&[deleted], w.now()).await.expect("answers");
    w.alter(&message, Alteration::Delete).await;
    // Claimed for a message that was sent without it.
    let other = brought(&w, 1, room, b"other").await;
    w.send(1, a_draft(room, 3, "without")).await;
    files.claim(claim(3, other)).await.expect("answers").expect("is free");
    assert!(!may_have(&w, 2, deleted).await && !may_have(&w, 1, deleted).await);

    w.clock.advance(Attachment::WAITS + MILLISECOND);
    w.sweep().execute().await.expect("sweeps");
    assert_eq!(loose(&w).await, 0);
    for (file, kept) in [(lost, false), (sent, true), (deleted, false), (other, false)] {
        assert_eq!(is_kept(&w, file).await, kept);
    }
}

#[tokio::test]
async fn files_that_were_sent_outlive_their_senders_account_and_others_do_not() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let sent = brought(&w, 1, room, b"sent").await;
    let unsent = brought(&w, 1, room, b"unsent").await;
    let theirs = brought(&w, 2, room, b"theirs").await;
    w.send(1, with(room, 1, &[sent])).await;
    w.erase().execute(&a_user(1)).await.expect("forgets");
    assert!(may_have(&w, 2, sent).await);
    assert!(!is_kept(&w, unsent).await);
    assert!(is_kept(&w, theirs).await);
}

#[tokio::test]
async fn an_edit_changes_the_text_alone() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let file = brought(&w, 1, room, b"x").await;
    let message = w.send(1, with(room, 1, &[file])).await.message;
    let wish = Wish::Edit(a_body("look"));
    let edited = w.alter_messages().execute(me(1), room, message.id, wish).await;
    assert_eq!(edited.expect("is edited").attachments[0].id, file);
    assert!(may_have(&w, 2, file).await);
}

#[tokio::test]
async fn what_somebody_cleared_they_get_no_more_and_what_both_did_nobody_keeps() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let file = brought(&w, 1, room, b"hello").await;
    w.send(1, with(room, 1, &[file])).await;
    w.clear_room().execute(me(2), room).await.expect("clears");
    assert_eq!([may_have(&w, 1, file).await, may_have(&w, 2, file).await], [true, false]);
    let later = brought(&w, 1, room, b"later").await;
    w.send(1, with(room, 2, &[later])).await;
    assert!(may_have(&w, 2, later).await);
    w.clear_room().execute(me(1), room).await.expect("clears");
    assert!(!is_kept(&w, file).await);
    assert_eq!([may_have(&w, 1, later).await, may_have(&w, 2, later).await], [false, true]);
}
