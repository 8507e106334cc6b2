//! Every look at the database goes by an index, and nothing is sorted in memory.

mod support;
#[path = "support/watch.rs"]
mod watch;

use adapter_mongodb::MongoStore;
use application::ports::{
    AttachmentRepository, BlockRepository, CeremonyRepository, ChallengeRepository,
    ExternalSignInRepository, KeyFingerprint, KeyFingerprintRepository, KnownDeviceRepository,
    MessageChange, MessageRepository, NewPicture, OutboxRepository, PasskeyRepository,
    PasswordResetRepository, PictureRepository, RegistrationRepository, RoomHeads, RoomRepository,
    SecondFactorRepository, SessionRepository, ShownPicture, StoreProbe, TouchMark, UserRepository,
};
use domain::{
    attachment::{FileClaim, FilePart, SealedPiece},
    block::Block,
    history::{Limit, Window},
    id::{RoomId, UserId},
    known_device::KnownDevice,
    message::{Alteration, NewMessage},
    otp::Otp,
    outbox::{MailId, OutgoingMail},
    password::PasswordHash,
    picture::PictureId,
    room::{Cleared, NewRoom, Participants, Reached, RoomCursor, Standing},
    sealing::{KeyId, KeyedDigest, SealedBody, SealedPayload},
    token::TokenDigest,
    totp::TotpStep,
    user::{PrivacyChange, ProfileChange},
    username::Username,
};
use mongodb::bson::{Document, doc};
use std::{collections::BTreeSet, sync::Arc};
use support::TestDatabase;
use testkit::{
    RecordingBus, START, a_ceremony, a_challenge, a_known_device, a_message, a_passkey,
    a_password_reset, a_registration, a_second_factor, a_session, a_user, an_arriving_file,
    an_email, an_emoji, an_errand, an_identity, an_open_room, later, resent,
};
use watch::{Looks, faults};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_look_goes_by_an_index() {
    let database = TestDatabase::fresh().await;
    let looks = Looks::default();
    let mut options = database.options().await;
    looks.watch(&mut options);
    let bus = Arc::new(RecordingBus::default());
    let store = MongoStore::open_with(options, bus.clone()).await.expect("opens");
    accounts(&store).await;
    sign_ups(&store).await;
    sessions(&store).await;
    known_devices(&store).await;
    codes_and_links(&store).await;
    second_factors(&store).await;
    errands(&store).await;
    outbox(&store).await;
    pictures(&store).await;
    attachments(&store).await;
    keys(&store).await;
    conversations(&store).await;
    relations(&store).await;
    cleared(&store).await;
    // Another instance knows nothing beforehand.
    let mut options = database.options().await;
    looks.watch(&mut options);
    let other = MongoStore::open_with(options, bus).await.expect("opens");
    later_conversations(&other).await;
    store.check().await.expect("is well");

    let looks = looks.all();
    let looked_at: BTreeSet<_> =
        looks.iter().filter_map(|look| look.values().next()?.as_str()).collect();
    for collection in [
        "attachment_pieces",
        "attachments",
        "blocks",
        "ceremonies",
        "challenges",
        "external_sign_ins",
        "health",
        "key_fingerprints",
        "known_devices",
        "messages",
        "outbox",
        "passkeys",
        "password_resets",
        "pictures",
        "registrations",
        "rooms",
        "rooms_to_empty",
        "schema",
        "second_factors",
        "sessions",
        "users",
    ] {
        assert!(looked_at.contains(collection), "{collection} in {looked_at:?}");
    }
    assert!(looks.len() > 35, "only {} shapes", looks.len());
    let plain = database.connect().await;
    let mut wrong = Vec::new();
    for look in &looks {
        let faults = faults(&plain, look).await;
        if !faults.is_empty() {
            wrong.push(format!("{faults:?}: {look}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_that_go_by_no_index_are_noticed() {
    let database = TestDatabase::fresh().await;
    let looks = Looks::default();
    let mut options = database.options().await;
    let store = MongoStore::open_with(options.clone(), Arc::new(RecordingBus::default())).await;
    conversations(&store.expect("opens")).await;
    looks.watch(&mut options);
    let client = mongodb::Client::with_options(options).expect("options");
    let watched = client.default_database().expect("a database");
    plant(&watched).await;

    let looks = looks.all();
    assert_eq!(looks.len(), 8, "{looks:?}");
    for look in &looks {
        assert!(!faults(&watched, look).await.is_empty(), "unnoticed: {look}");
    }
}

/// One bad look after another.
async fn plant(database: &mongodb::Database) {
    let users = database.collection::<Document>("users");
    let rooms = database.collection::<Document>("rooms");
    let by_name = doc! { "first_name": "Person" };
    users.find_one(by_name.clone()).await.expect("answers");
    users
        .find_one(doc! { "email": { "$gt": "" } })
        .sort(doc! { "joined_at": 1 })
        .await
        .expect("answers");
    users.count_documents(by_name.clone()).await.expect("answers");
    users.update_one(by_name.clone(), doc! { "$set": { "x": 1 } }).await.expect("answers");
    users.delete_one(doc! { "first_name": "Nobody" }).await.expect("answers");
    users.find_one_and_delete(doc! { "last_name": "Nobody" }).await.expect("answers");
    let unsorted = doc! { "$lookup": {
        "from": "messages", "localField": "_id", "foreignField": "room", "as": "last",
        "pipeline": [{ "$sort": { "sent_at": -1 } }, { "$limit": 1 }],
    } };
    let unindexed = doc! { "$lookup": {
        "from": "messages", "localField": "_id", "foreignField": "nothing", "as": "last",
        "pipeline": [{ "$limit": 1 }],
    } };
    let theirs = doc! { "$match": { "participants": id(a_user(1).id.as_bytes()) } };
    for lookup in [unsorted, unindexed] {
        rooms.aggregate([theirs.clone(), lookup]).await.expect("answers");
    }
}

fn id(bytes: &[u8; 16]) -> mongodb::bson::Binary {
    let subtype = mongodb::bson::spec::BinarySubtype::Uuid;
    mongodb::bson::Binary { subtype, bytes: bytes.to_vec() }
}

async fn accounts(store: &MongoStore) {
    for n in 1..=4 {
        UserRepository::insert(store, &a_user(n)).await.expect("answers").expect("is new");
    }
    let again = domain::user::User { id: UserId::from_bytes([9; 16]), ..a_user(1) };
    UserRepository::insert(store, &again).await.expect("answers").expect_err("is taken");
    let ann = a_user(1);
    let found = UserRepository::find(store, ann.id).await.expect("answers");
    assert_eq!(found, Some(ann.clone()));
    store.find_by_email(&ann.email).await.expect("answers");
    store.find_by_username(&ann.username).await.expect("answers");
    let password = PasswordHash::new("plain:another".to_owned());
    assert!(store.replace_password(ann.id, &password).await.expect("answers"));
    store
        .replace_email(ann.id, &ann.email)
        .await
        .expect("answers")
        .expect("is there")
        .expect("own");
    let identity = an_identity(1);
    let linked = store.link_identity(ann.id, &identity).await.expect("answers");
    linked.expect("is there").expect("is free");
    let taken = store.link_identity(a_user(2).id, &identity).await.expect("answers");
    taken.expect("is there").expect_err("is taken");
    assert!(store.find_by_identity(&identity).await.expect("answers").is_some());
    store.unlink_identity(ann.id).await.expect("answers").expect("is there");
    assert!(store.has_username_like(&ann.username).await.expect("answers"));
    assert_eq!(store.list(&[ann.id, a_user(2).id]).await.expect("answers").len(), 2);
    let listed = store.list_by_username_prefix("person-", 3).await.expect("answers");
    assert_eq!(listed.len(), 3);
    let renamed = ProfileChange {
        username: Some(Username::parse("someone").expect("a name")),
        first_name: Some(ann.first_name),
        last_name: Some(ann.last_name),
    };
    store
        .update_profile(ann.id, &renamed)
        .await
        .expect("answers")
        .expect("is there")
        .expect("is free");
    store.update_profile(ann.id, &ProfileChange::default()).await.expect("answers");
    assert_eq!(store.list_page(None, 2).await.expect("answers").len(), 2);
    assert_eq!(store.list_page(Some(ann.id), 2).await.expect("answers").len(), 2);
    for since in [Some(START), None] {
        store.set_disabled(ann.id, since).await.expect("answers").expect("is there");
    }
    let hidden = PrivacyChange { receipts: Some(false), presence: None };
    store.change_privacy(ann.id, hidden).await.expect("answers").expect("is there");
    UserRepository::remove(store, a_user(4).id).await.expect("answers");
}

async fn sign_ups(store: &MongoStore) {
    for n in 1..=3 {
        RegistrationRepository::insert(store, &a_registration(n)).await.expect("answers");
    }
    let one = a_registration(1);
    store.amend(&one).await.expect("answers");
    assert!(store.find_by_flow(&one.flow).await.expect("answers").is_some());
    assert!(store.find_newest_by_email(&one.email).await.expect("answers").is_some());
    let newest = store.find_newest_by_username(&one.username).await.expect("answers");
    assert!(newest.is_some());
    RegistrationRepository::begin_attempt(store, &one.flow).await.expect("answers");
    let otp = Otp::sent(KeyedDigest::new(vec![7]), later(60));
    assert!(store.replace_otp(one.id, START, &otp).await.expect("answers"));
    store.move_flow(one.id, &TokenDigest([7; 32])).await.expect("answers");
    store.remove_by_email(&an_email(3)).await.expect("answers");
    RegistrationRepository::remove_begun_before(store, START).await.expect("answers");
}

async fn sessions(store: &MongoStore) {
    for n in 1..=3 {
        let session = a_session(n, a_user(n).id);
        SessionRepository::insert(store, &session).await.expect("answers");
    }
    let one = a_session(1, a_user(1).id);
    assert!(SessionRepository::find(store, one.id).await.expect("answers").is_some());
    assert!(store.find_by_token(&one.token).await.expect("answers").is_some());
    store.touch(one.id, later(9)).await.expect("answers");
    SessionRepository::remove(store, one.id).await.expect("answers");
    let others = a_user(2).id;
    assert_eq!(SessionRepository::list_by_user(store, others).await.expect("answers").len(), 1);
    assert_eq!(
        SessionRepository::remove_by_user(store, others, None).await.expect("answers").len(),
        1
    );
    store.remove_stale(START, START).await.expect("answers");
}

async fn known_devices(store: &MongoStore) {
    let user = a_user(1).id;
    let one_too_many = u32::try_from(KnownDevice::MOST).expect("few") + 1;
    for n in (1..=one_too_many).chain([2]) {
        store.keep(&a_known_device(n, user)).await.expect("answers");
    }
    let listed = KnownDeviceRepository::list_by_user(store, user).await.expect("answers");
    assert_eq!(listed.len(), KnownDevice::MOST);
    store.remove_used_before(later(2)).await.expect("answers");
    KnownDeviceRepository::remove_by_user(store, user).await.expect("answers");
}

fn a_mail(n: u8) -> OutgoingMail {
    OutgoingMail {
        id: MailId::from_bytes([n; 16]),
        sealed: SealedPayload::new(vec![n]),
        created_at: START,
        due_at: later(n.into()),
        attempts: 0,
    }
}

async fn codes_and_links(store: &MongoStore) {
    for n in 1..=3 {
        assert!(ChallengeRepository::put(store, &a_challenge(n), START).await.expect("answers"));
        let reset = a_password_reset(n);
        assert!(PasswordResetRepository::put(store, &reset, START).await.expect("answers"));
    }
    let (code, link) = (a_challenge(1), a_password_reset(1));
    let tried = ChallengeRepository::begin_attempt(store, code.session, code.purpose).await;
    assert!(tried.expect("answers").is_some());
    assert!(ChallengeRepository::take(store, &code).await.expect("answers"));
    ChallengeRepository::remove_by_user(store, a_user(2).id).await.expect("answers");
    store.remove_sent_before(START).await.expect("answers");
    assert!(PasswordResetRepository::find(store, &link.token).await.expect("answers").is_some());
    assert!(PasswordResetRepository::take(store, &link.token).await.expect("answers").is_some());
    PasswordResetRepository::remove_by_user(store, a_user(2).id).await.expect("answers");
    store.remove_made_before(START).await.expect("answers");
}

async fn second_factors(store: &MongoStore) {
    let factor = a_second_factor(1);
    let (user, codes) = (factor.user, &factor.recovery_codes);
    for put in [true, false] {
        assert_eq!(SecondFactorRepository::put(store, &factor).await.expect("answers"), put);
    }
    let found = SecondFactorRepository::find(store, user).await.expect("answers");
    assert_eq!(found, Some(factor.clone()));
    let next = TotpStep(factor.app.as_ref().expect("an app").last_step.0 + 1);
    assert!(store.use_step(user, next).await.expect("answers"));
    assert!(store.take_recovery_code(user, &codes[0]).await.expect("answers"));
    assert!(store.replace_recovery_codes(user, codes).await.expect("answers"));
    assert!(SecondFactorRepository::remove(store, user).await.expect("answers"));
    for n in 1..=3 {
        CeremonyRepository::put(store, &a_ceremony(n)).await.expect("answers");
    }
    let passkey = a_passkey(1, user);
    for inserted in [true, false] {
        assert_eq!(PasskeyRepository::insert(store, &passkey).await.expect("answers"), inserted);
    }
    store.note_use(user, passkey.id, b"used", later(9)).await.expect("answers");
    let listed = PasskeyRepository::list_by_user(store, user).await.expect("answers");
    assert_eq!(listed.len(), 1);
    assert!(PasskeyRepository::remove(store, user, passkey.id).await.expect("answers"));
    PasskeyRepository::remove_by_user(store, user).await.expect("answers");
    let begun = a_ceremony(1);
    let found = CeremonyRepository::find(store, &begun.flow, begun.kind).await;
    assert_eq!(found.expect("answers"), Some(begun.clone()));
    let tried = CeremonyRepository::begin_attempt(store, &begun.flow, begun.kind).await;
    assert!(tried.expect("answers").is_some());
    assert!(CeremonyRepository::take(store, &begun.flow, begun.kind).await.expect("answers"));
    CeremonyRepository::remove_by_user(store, a_user(2).id).await.expect("answers");
    CeremonyRepository::remove_begun_before(store, START).await.expect("answers");
}

async fn errands(store: &MongoStore) {
    for n in 1..=3 {
        ExternalSignInRepository::insert(store, &an_errand(n)).await.expect("answers");
    }
    let key = an_errand(1).key;
    assert!(ExternalSignInRepository::find(store, &key).await.expect("answers").is_some());
    assert!(ExternalSignInRepository::take(store, &key).await.expect("answers").is_some());
    ExternalSignInRepository::remove_begun_before(store, START).await.expect("answers");
}

async fn outbox(store: &MongoStore) {
    for n in 1..=3 {
        OutboxRepository::insert(store, &a_mail(n)).await.expect("answers");
    }
    let claimed = store.claim_due(later(2), later(100), 5).await.expect("answers");
    assert_eq!(claimed.len(), 2);
    store.postpone(claimed[0].id, later(200)).await.expect("answers");
    OutboxRepository::remove(store, claimed[0].id).await.expect("answers");
    assert_eq!(store.count().await.expect("answers"), 2);
}

async fn keys(store: &MongoStore) {
    let id = KeyId::parse("k1").expect("a key id");
    let fingerprint = KeyFingerprint { id, digest: [1; 32] };
    KeyFingerprintRepository::insert(store, &fingerprint).await.expect("answers");
    assert_eq!(store.list_fingerprints().await.expect("answers"), [fingerprint]);
}

fn pair(one: u32, other: u32) -> Participants {
    Participants::pair(a_user(one).id, a_user(other).id).expect("two people")
}

fn room(n: u8) -> RoomId {
    RoomId::mint(START, [n; 10])
}

async fn conversations(store: &MongoStore) {
    UserRepository::insert(store, &a_user(7)).await.expect("answers").expect("is new");
    for n in 2..=4 {
        let id = room(u8::try_from(n).expect("small"));
        store.open(an_open_room(pair(1, n), id)).await.expect("answers");
    }
    store.open(an_open_room(pair(1, 2), room(99))).await.expect("answers");
    let batch = (1..=6).map(|n| a_message(room(2), a_user(1).id, n));
    let batch: Vec<_> = batch.chain([a_message(room(3), a_user(3).id, 7)]).collect();
    for appended in store.append(batch.clone()).await {
        appended.expect("answers");
    }
    store.append(vec![resent(&batch[0], 1)]).await.remove(0).expect("answers");
    let reply = a_message(room(2), a_user(2).id, 8);
    let reply = NewMessage { reply_to: Some(batch[0].id), ..reply };
    store.append(vec![reply]).await.remove(0).expect("answers");
    for alteration in [
        Alteration::Edit { body: SealedBody::new(vec![1]), at: later(50) },
        Alteration::React(an_emoji(1)),
        Alteration::Unreact(an_emoji(1)),
        Alteration::Delete,
    ] {
        let change =
            MessageChange { room: room(2), message: batch[1].id, by: a_user(1).id, alteration };
        store.alter(change).await.expect("answers").expect("may");
    }
}

async fn pictures(store: &MongoStore) {
    let shown = ShownPicture(vec![7; 64]);
    for n in [1, 2] {
        let new = NewPicture { id: PictureId::mint([n; 16]), shown: shown.clone() };
        store.replace(a_user(1).id, Some(new)).await.expect("answers");
    }
    let found = PictureRepository::find(store, PictureId::mint([2; 16])).await.expect("answers");
    assert_eq!(found, Some(shown));
    store.replace(a_user(1).id, None).await.expect("answers");
}

async fn cleared(store: &MongoStore) {
    let (one, other) = (a_user(7).id, a_user(8).id);
    store.open(an_open_room(pair(7, 8), room(51))).await.expect("answers");
    let stored = store.append(vec![a_message(room(51), one, 700)]).await;
    assert!(stored.iter().all(Result::is_ok), "{stored:?}");
    for user in [one, other] {
        store.clear(room(51), user).await.expect("answers");
        let cleared = store.find_cleared(room(51), user).await.expect("answers");
        assert_eq!(cleared, Some(Cleared { seq: 1, rev: 1 }));
    }
    store.bring_back(room(51), one).await.expect("answers");
    for only in [None, Some(room(51))] {
        let waiting = store.list_undelivered(other, only, Limit::WHOLE_PAGE).await;
        assert_eq!(waiting.expect("answers"), [], "both have cleared it");
    }
    let reached = Reached { user: other, room: room(51), seq: 1 };
    assert_eq!(store.mark_delivered(&[reached]).await.expect("answers").len(), 1);
    for muted in [true, false] {
        let changed = store.set_muted(room(51), one, muted).await.expect("answers");
        assert_eq!(changed, Some(true));
    }
    while store.empty_cleared(Limit::default()).await.expect("answers") {}
}

async fn attachments(store: &MongoStore) {
    let (ann, part) = (a_user(1).id, FilePart::Original);
    let files = [1, 2, 3].map(|n| an_arriving_file(n, room(2), ann));
    for file in files {
        store.begin(file).await.expect("answers");
        for index in 0..3 {
            let piece = SealedPiece::new(vec![7; 64]);
            store.put_piece(file.id, part, index, piece).await.expect("answers");
        }
        let details = SealedPayload::new(vec![7]);
        assert!(store.complete(file.id, 9, 27, details).await.expect("answers"));
    }
    assert_eq!(store.count_charges(ann).await.expect("answers"), 27);
    assert!(AttachmentRepository::find(store, files[0].id).await.expect("answers").is_some());
    assert!(store.find_piece(files[0].id, part, 2).await.expect("answers").is_some());
    let claim = FileClaim {
        uploader: ann,
        room: room(2),
        client_id: a_message(room(2), ann, 1).client_id,
        files: vec![files[0].id, files[1].id],
        at: later(1),
    };
    assert!(store.claim(claim).await.expect("answers").is_some());
    let limit = Limit::default();
    assert_eq!(store.list_loose(later(60), limit).await.expect("answers").len(), 3);
    assert_eq!(store.list_unsent(ann, limit).await.expect("answers").len(), 1);
    store.settle(&[files[0].id]).await.expect("answers");
    store.loosen(&[files[0].id], later(2)).await.expect("answers");
    assert!(store.remove_loose(files[0].id, later(2)).await.expect("answers"));
}

async fn relations(store: &MongoStore) {
    let (ann, bob) = (a_user(1).id, a_user(2).id);
    let new = NewRoom { other: Standing::Request, ..an_open_room(pair(5, 6), room(50)) };
    store.open(new).await.expect("answers");
    let other = if new.opener == a_user(5).id { a_user(6).id } else { a_user(5).id };
    let change = store.change_standing(room(50), other, &[Standing::Request], Standing::Declined);
    assert!(change.await.expect("answers"));
    assert_eq!(
        store.find_standing(room(50), other).await.expect("answers"),
        Some(Standing::Declined)
    );
    let block = Block { blocker: ann, blocked: bob, created_at: START };
    for _ in 0..2 {
        BlockRepository::insert(store, &block).await.expect("answers");
    }
    assert_eq!(store.list_by_blocker(ann).await.expect("answers"), [block]);
    assert_eq!(store.list_between(bob, &[ann, other]).await.expect("answers"), [block]);
    BlockRepository::remove(store, ann, bob).await.expect("answers");
    BlockRepository::remove_by_user(store, ann).await.expect("answers");
    let message = a_message(room(2), ann, 1);
    let found = store.find_by_client_id(ann, message.client_id).await.expect("answers");
    let found = store.find_in_room(room(2), found.expect("is known").id).await;
    assert!(found.expect("answers").is_some());
}

async fn later_conversations(store: &MongoStore) {
    let (ann, bob, limit) = (a_user(1).id, a_user(2).id, Limit::default());
    let known = a_message(room(2), ann, 3);
    let reply = NewMessage { reply_to: Some(known.id), ..a_message(room(2), bob, 20) };
    for appended in store.append(vec![resent(&known, 2), reply]).await {
        appended.expect("answers");
    }
    let alteration = Alteration::React(an_emoji(2));
    let change = MessageChange { room: room(2), message: known.id, by: bob, alteration };
    store.alter(change).await.expect("answers").expect("may");
    for window in [Window::Latest, Window::Before(4), Window::After(2), Window::Around(3)] {
        store.list_window(room(2), window, limit).await.expect("answers");
    }
    store.list_changes(room(2), 2, limit).await.expect("answers");
    assert!(RoomRepository::find(store, room(2), bob).await.expect("answers").is_some());
    assert!(store.find_participants(room(3), ann).await.expect("answers").is_some());
    let listed = RoomRepository::list_by_user(store, ann, None, limit).await.expect("answers");
    assert_eq!(listed.len(), 3);
    let behind = RoomCursor { active_at: listed[0].room.active_at, room: listed[0].room.id };
    assert_eq!(
        RoomRepository::list_by_user(store, ann, Some(behind), limit).await.expect("answers").len(),
        2
    );
    assert_eq!(store.list_partners(ann, limit).await.expect("answers").len(), 3);
    assert!(store.mark_read_up_to(room(2), bob, 3).await.expect("answers").is_some());
    assert_eq!(store.list_heads(ann).await.expect("answers").len(), 3);
    store.list_touched(None).await.expect("answers");
    let touched = store.list_touched(Some(TouchMark(0))).await.expect("answers");
    assert_eq!(touched.rooms.len(), 5);
}
