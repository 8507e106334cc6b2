//! Every use case over one embedded store in memory, with stand-ins for the rest.
use adapter_sqlite::SqliteStore;
use application::{
    accounts::{
        Acquaintance, AddressProof, Administer, Authenticate, Browser, Challenges, ChangeEmail,
        ChangePassword, Codes, Confirm, CreateUser, DeleteAccount, Devices, Erase, ForgotPassword,
        NewPassword, OpenedSession, OwnPrivacy, OwnSecondFactor, Passkeys, Profile, Register,
        ResendOtp, ResetLinks, ResetPassword, SecondFactors, SecondStep, Sessions, SignIn,
        SignInByPasskey, SignOut, SignUp, SignedIn, Traces, VerifyOtp, VerifyOtpError,
        WaitingForAddress,
        google::{BeginGoogle, Errands, FinishGoogle, LinkByCode, NewArrivals, UnlinkGoogle},
    },
    chat::{
        AlterMessages, Attendance, ClearRoom, Draft, Follow, History, Lingering, MarkDelivered,
        MarkRead, Memory, MuteRoom, OpenRoom, OpenedMessage, Opener, Outstanding, Reach, Relations,
        Requests, Rooms, SearchMessages, SendMessages, Sent, Typing,
    },
    files::{Bring, Fetch, Leftovers, Vault},
    limits::Limits,
    operations::{AdoptKeys, Sweep},
    people::{Blocks, FindPeople},
    ports::{
        Clock, IdentityProvider, MessageChange, MockPictureProcessor, MockPresence,
        MockRateLimiter, NoMetrics, PasskeyVerifier, PictureRefused, Presence, Preview,
        ShownPicture, Unavailable,
    },
};
use domain::{
    TimeDelta, Timestamp,
    device::Device,
    id::{ClientId, RoomId},
    message::{Alteration, MessageBody, SealedMessage},
    otp::OtpCode,
    throttle::Throttled,
    token::{DeviceToken, FlowToken, SessionToken},
    user::User,
    username::Username,
};
use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};
use testkit::{
    CountingEntropy, FixedClock, OpenLimiter, PlainDigester, PlainHasher, PlainPayloadSealer,
    PlainPieceSealer, PlainSealer, RecordingBus, RecordingMailer, StoreUnderTest, a_room_of,
    a_user, an_email,
};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Where requests come from.
pub const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Good enough for everybody.
pub const PASSWORD: &str = "plum tractor velvet";
pub const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

pub struct World {
    pub store: StoreUnderTest,
    pub clock: Arc<FixedClock>,
    pub mailer: Arc<RecordingMailer>,
    pub relations: Arc<Relations>,
    entropy: Arc<CountingEntropy>,
}

impl World {
    pub fn new() -> Self {
        let bus = Arc::new(RecordingBus::default());
        let store = Arc::new(SqliteStore::in_memory(bus.clone()).expect("opens"));
        let clock = Arc::<FixedClock>::default();
        let relations = Relations {
            rooms: store.clone(),
            blocks: store.clone(),
            users: store.clone(),
            clock: clock.clone(),
            memory: Memory::default(),
        };
        Self {
            store: StoreUnderTest::new(store, bus, ()),
            clock,
            relations: Arc::new(relations),
            mailer: Arc::default(),
            entropy: Arc::default(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Puts person `n` into the store; the password is `password <n>`.
    pub async fn an_account(&self, n: u32) -> User {
        self.store.users.insert(&a_user(n)).await.expect("answers").expect("is new");
        a_user(n)
    }

    /// Person `n`, who has an account, in a new browser.
    pub async fn sign_in_as(&self, n: u32) -> OpenedSession {
        let name = a_user(n).username;
        let password = format!("password {n}");
        self.sign_in().execute(a_browser(), name.as_str(), &password).await.expect("signs in")
    }

    /// Person `n`, who has an account, and the session of a new browser.
    pub async fn session_of(&self, n: u32) -> SignedIn {
        let token = self.sign_in_as(n).await.token;
        self.authenticate().execute(&token).await.expect("answers").expect("is signed in")
    }

    /// Person `n` signs up in a new browser.
    pub async fn sign_up_as(&self, n: u32) -> FlowToken {
        self.register().execute(FROM, None, a_sign_up(n)).await.expect("begins")
    }

    /// The code person `n` was mailed last.
    pub fn code(&self, n: u32) -> OtpCode {
        self.mailer.last_code(&an_email(n)).expect("a code was mailed")
    }

    /// A browser types a code for the address of person `n`.
    pub async fn verify(
        &self,
        flow: &FlowToken,
        n: u32,
        code: &OtpCode,
    ) -> Result<OpenedSession, VerifyOtpError> {
        self.verify_otp().execute(a_browser(), Some(flow.clone()), &an_email(n), code).await
    }

    /// How many tries a browser's sign-up has left; `None` if none waits.
    pub async fn attempts_left(&self, flow: &FlowToken) -> Option<u32> {
        let waiting = self.verify_otp().find_waiting(Some(flow.clone())).await;
        waiting.expect("answers").map(|waiting| waiting.attempts_left)
    }

    /// The room of two people, who get accounts if they have none.
    pub async fn a_room(&self, one: u32, other: u32) -> RoomId {
        a_room_of(&self.store, one, other).await.id
    }

    /// Person `n` sends something new.
    pub async fn send(&self, n: u32, draft: Draft) -> OpenedMessage {
        match self.send_messages().execute(a_user(n).id, draft).await {
            Ok(Sent::New(message)) => message,
            other => panic!("expected a new message, got {other:?}"),
        }
    }

    /// Its sender changes a message.
    pub async fn alter(&self, message: &SealedMessage, alteration: Alteration) -> SealedMessage {
        let SealedMessage { room, id, sender, .. } = *message;
        let change = MessageChange { room, message: id, by: sender, alteration };
        self.store.messages.alter(change).await.expect("answers").expect("allowed")
    }

    /// Its sender says a message anew.
    pub async fn edit(&self, message: &SealedMessage, text: &str) -> SealedMessage {
        use application::ports::MessageSealer;
        let body = PlainSealer.seal(&message.place(), &a_body(text));
        self.alter(message, Alteration::Edit { body, at: self.now() }).await
    }

    pub fn register(&self) -> Register {
        Register {
            users: self.store.users.clone(),
            registrations: self.store.registrations.clone(),
            hasher: Arc::new(PlainHasher),
            proof: self.proof(),
            limits: no_limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn verify_otp(&self) -> VerifyOtp {
        VerifyOtp {
            registrations: self.store.registrations.clone(),
            users: self.store.users.clone(),
            proof: self.proof(),
            sessions: self.sessions(),
            mailer: self.mailer.clone(),
            limits: no_limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn resend_otp(&self) -> ResendOtp {
        ResendOtp {
            registrations: self.store.registrations.clone(),
            proof: self.proof(),
            limits: no_limits(),
            clock: self.clock.clone(),
        }
    }

    pub fn sign_in(&self) -> SignIn {
        SignIn {
            users: self.store.users.clone(),
            registrations: self.store.registrations.clone(),
            hasher: Arc::new(PlainHasher),
            express_hasher: Arc::new(PlainHasher),
            sessions: self.sessions(),
            proof: self.proof(),
            limits: no_limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn sign_out(&self) -> SignOut {
        SignOut { sessions: self.store.sessions.clone(), bus: self.store.bus.clone() }
    }

    pub fn authenticate(&self) -> Authenticate {
        Authenticate { sessions: self.store.sessions.clone(), clock: self.clock.clone() }
    }

    pub fn profile(&self) -> Profile {
        Profile { users: self.store.users.clone() }
    }

    pub fn create_user(&self) -> CreateUser {
        CreateUser {
            users: self.store.users.clone(),
            registrations: self.store.registrations.clone(),
            hasher: Arc::new(PlainHasher),
            proof: self.proof(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn find_people(&self) -> FindPeople {
        FindPeople { users: self.store.users.clone(), limits: no_limits() }
    }

    pub fn rooms(&self) -> Rooms {
        Rooms { rooms: self.store.rooms.clone(), users: self.store.users.clone(), opener: opener() }
    }

    pub fn open_room(&self) -> OpenRoom {
        OpenRoom {
            rooms: self.store.rooms.clone(),
            users: self.store.users.clone(),
            relations: self.relations.clone(),
            views: self.rooms(),
            bus: self.store.bus.clone(),
            limits: no_limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn send_messages(&self) -> SendMessages {
        SendMessages {
            messages: self.store.messages.clone(),
            reach: self.reach(),
            sealer: Arc::new(PlainSealer),
            opener: opener(),
            attachments: self.store.attachments.clone(),
            digester: Arc::new(PlainDigester),
            limits: no_limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            metrics: Arc::new(NoMetrics),
        }
    }

    pub fn alter_messages(&self) -> AlterMessages {
        AlterMessages {
            messages: self.store.messages.clone(),
            reach: self.reach(),
            sealer: Arc::new(PlainSealer),
            opener: opener(),
            leftovers: self.leftovers(),
            limits: no_limits(),
            clock: self.clock.clone(),
        }
    }

    pub fn clear_room(&self) -> ClearRoom {
        ClearRoom {
            rooms: self.store.rooms.clone(),
            leftovers: self.leftovers(),
            bus: self.store.bus.clone(),
        }
    }

    pub fn mute_room(&self) -> MuteRoom {
        MuteRoom { views: self.rooms(), bus: self.store.bus.clone() }
    }

    pub fn search_messages(&self) -> SearchMessages {
        SearchMessages {
            rooms: self.store.rooms.clone(),
            messages: self.store.messages.clone(),
            opener: opener(),
            limits: no_limits(),
            clock: self.clock.clone(),
            places: Arc::new(Semaphore::new(SearchMessages::PLACES)),
        }
    }

    pub fn reach(&self) -> Reach {
        Reach {
            rooms: self.store.rooms.clone(),
            relations: self.relations.clone(),
            bus: self.store.bus.clone(),
        }
    }

    pub fn history(&self) -> History {
        History {
            messages: self.store.messages.clone(),
            rooms: self.store.rooms.clone(),
            opener: opener(),
        }
    }

    pub fn mark_delivered(&self) -> MarkDelivered {
        MarkDelivered {
            rooms: self.store.rooms.clone(),
            relations: self.relations.clone(),
            bus: self.store.bus.clone(),
            tasks: TaskTracker::new(),
            pause: Duration::from_millis(1),
            ending: CancellationToken::new(),
            outstanding: Outstanding::default(),
        }
    }

    pub fn mark_read(&self) -> MarkRead {
        MarkRead {
            rooms: self.store.rooms.clone(),
            relations: self.relations.clone(),
            bus: self.store.bus.clone(),
        }
    }

    pub fn typing(&self) -> Typing {
        Typing {
            rooms: self.store.rooms.clone(),
            relations: self.relations.clone(),
            bus: self.store.bus.clone(),
            limits: no_limits(),
        }
    }

    pub fn requests(&self) -> Requests {
        Requests {
            views: self.rooms(),
            relations: self.relations.clone(),
            bus: self.store.bus.clone(),
        }
    }

    pub fn blocks(&self, attendance: Arc<Attendance>) -> Blocks {
        Blocks {
            users: self.store.users.clone(),
            relations: self.relations.clone(),
            attendance,
            clock: self.clock.clone(),
        }
    }

    pub fn own_privacy(&self, attendance: Arc<Attendance>) -> OwnPrivacy {
        OwnPrivacy { users: self.store.users.clone(), attendance, limits: no_limits() }
    }

    pub fn follow(&self) -> Follow {
        Follow {
            bus: self.store.bus.clone(),
            rooms: self.rooms(),
            opener: opener(),
            relations: self.relations.clone(),
            authenticate: self.authenticate(),
            attendance: Arc::new(self.attendance(Arc::new(nobody()))),
        }
    }

    pub fn attendance(&self, presence: Arc<dyn Presence>) -> Attendance {
        Attendance {
            presence,
            relations: self.relations.clone(),
            bus: self.store.bus.clone(),
            clock: self.clock.clone(),
            tasks: TaskTracker::new(),
            grace: Duration::ZERO,
            ending: CancellationToken::new(),
            lingering: Lingering::default(),
        }
    }

    pub fn adopt_keys(&self) -> AdoptKeys {
        AdoptKeys { known: self.store.keys.clone() }
    }

    pub fn vault(&self) -> Vault {
        Vault {
            attachments: self.store.attachments.clone(),
            pieces: Arc::new(PlainPieceSealer),
            details: Arc::new(PlainPayloadSealer),
        }
    }

    /// Of an image that ends with `!` there is a preview.
    pub fn bring(&self) -> Bring {
        let mut processor = MockPictureProcessor::new();
        processor.expect_preview().returning(|image| match image.last() {
            Some(b'!') => {
                Ok(Preview { shown: ShownPicture(vec![7; 70_000]), width: 30, height: 20 })
            }
            _ => Err(PictureRefused::Unreadable),
        });
        Bring {
            vault: self.vault(),
            rooms: self.store.rooms.clone(),
            processor: Arc::new(processor),
            limits: no_limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            places: Arc::new(Semaphore::new(1)),
            turns: Arc::new(Semaphore::new(1)),
        }
    }

    pub fn fetch(&self) -> Fetch {
        Fetch {
            vault: self.vault(),
            messages: self.store.messages.clone(),
            rooms: self.store.rooms.clone(),
        }
    }

    pub fn leftovers(&self) -> Leftovers {
        Leftovers {
            attachments: self.store.attachments.clone(),
            messages: self.store.messages.clone(),
        }
    }

    pub fn sweep(&self) -> Sweep {
        Sweep {
            registrations: self.store.registrations.clone(),
            sessions: self.store.sessions.clone(),
            known_devices: self.store.known_devices.clone(),
            challenges: self.store.challenges.clone(),
            password_resets: self.store.password_resets.clone(),
            ceremonies: self.store.ceremonies.clone(),
            external_sign_ins: self.store.external_sign_ins.clone(),
            rooms: self.store.rooms.clone(),
            leftovers: self.leftovers(),
            clock: self.clock.clone(),
        }
    }

    pub fn proof(&self) -> AddressProof {
        AddressProof {
            users: self.store.users.clone(),
            mailer: self.mailer.clone(),
            codes: self.codes(),
        }
    }

    fn codes(&self) -> Codes {
        Codes { digester: Arc::new(PlainDigester), entropy: self.entropy.clone() }
    }

    fn challenges(&self) -> Challenges {
        Challenges {
            challenges: self.store.challenges.clone(),
            codes: self.codes(),
            limits: no_limits(),
            clock: self.clock.clone(),
        }
    }

    pub fn confirm(&self) -> Confirm {
        Confirm {
            users: self.store.users.clone(),
            hasher: Arc::new(PlainHasher),
            challenges: self.challenges(),
            mailer: self.mailer.clone(),
            limits: no_limits(),
        }
    }

    pub fn new_password(&self) -> NewPassword {
        NewPassword {
            users: self.store.users.clone(),
            hasher: Arc::new(PlainHasher),
            resets: self.store.password_resets.clone(),
            challenges: self.store.challenges.clone(),
            sign_out: self.sign_out(),
            mailer: self.mailer.clone(),
        }
    }

    pub fn forgot_password(&self) -> ForgotPassword {
        let links = ResetLinks {
            users: self.store.users.clone(),
            resets: self.store.password_resets.clone(),
            mailer: self.mailer.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        };
        ForgotPassword {
            links,
            limits: no_limits(),
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(ForgotPassword::PLACES)),
        }
    }

    pub fn reset_password(&self) -> ResetPassword {
        ResetPassword {
            users: self.store.users.clone(),
            resets: self.store.password_resets.clone(),
            new_password: self.new_password(),
            acquaintance: self.acquaintance(),
            limits: no_limits(),
            clock: self.clock.clone(),
        }
    }

    pub fn change_password(&self) -> ChangePassword {
        ChangePassword { confirm: self.confirm(), new_password: self.new_password() }
    }

    pub fn change_email(&self) -> ChangeEmail {
        ChangeEmail {
            confirm: self.confirm(),
            challenges: self.challenges(),
            proof: self.proof(),
            users: self.store.users.clone(),
            waiting: WaitingForAddress {
                resets: self.store.password_resets.clone(),
                challenges: self.store.challenges.clone(),
                registrations: self.store.registrations.clone(),
            },
            mailer: self.mailer.clone(),
        }
    }

    pub fn devices(&self) -> Devices {
        Devices { sign_out: self.sign_out(), clock: self.clock.clone() }
    }

    pub fn acquaintance(&self) -> Acquaintance {
        Acquaintance {
            devices: self.store.known_devices.clone(),
            sessions: self.store.sessions.clone(),
            mailer: self.mailer.clone(),
            clock: self.clock.clone(),
        }
    }

    pub fn administer(&self) -> Administer {
        Administer {
            users: self.store.users.clone(),
            registrations: self.store.registrations.clone(),
            sign_out: self.sign_out(),
            new_password: self.new_password(),
            second_factors: self.second_factors(),
            erase: self.erase(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn delete_account(&self) -> DeleteAccount {
        DeleteAccount { confirm: self.confirm(), erase: self.erase() }
    }

    pub fn erase(&self) -> Erase {
        Erase {
            users: self.store.users.clone(),
            traces: Traces {
                resets: self.store.password_resets.clone(),
                challenges: self.store.challenges.clone(),
                known_devices: self.store.known_devices.clone(),
                blocks: self.store.blocks.clone(),
                registrations: self.store.registrations.clone(),
                second_factors: self.store.second_factors.clone(),
                passkeys: self.store.passkeys.clone(),
                ceremonies: self.store.ceremonies.clone(),
                leftovers: self.leftovers(),
            },
            rooms: self.store.rooms.clone(),
            sign_out: self.sign_out(),
            mailer: self.mailer.clone(),
        }
    }

    pub fn second_factors(&self) -> SecondFactors {
        SecondFactors {
            factors: self.store.second_factors.clone(),
            passkeys: self.store.passkeys.clone(),
            ceremonies: self.store.ceremonies.clone(),
            sealer: Arc::new(PlainPayloadSealer),
            digester: Arc::new(PlainDigester),
            mailer: self.mailer.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn own_second_factor(&self) -> OwnSecondFactor {
        OwnSecondFactor {
            confirm: self.confirm(),
            second_factors: self.second_factors(),
            limits: no_limits(),
        }
    }

    pub fn passkeys(&self, verifier: Option<Arc<dyn PasskeyVerifier>>) -> Passkeys {
        Passkeys {
            confirm: self.confirm(),
            verifier,
            second_factors: self.second_factors(),
            limits: no_limits(),
        }
    }

    pub fn sign_in_by_passkey(
        &self,
        verifier: Option<Arc<dyn PasskeyVerifier>>,
    ) -> SignInByPasskey {
        SignInByPasskey {
            users: self.store.users.clone(),
            verifier,
            second_factors: self.second_factors(),
            sessions: self.sessions(),
            limits: no_limits(),
        }
    }

    pub fn second_step(&self) -> SecondStep {
        SecondStep {
            users: self.store.users.clone(),
            second_factors: self.second_factors(),
            sessions: self.sessions(),
            limits: no_limits(),
            clock: self.clock.clone(),
        }
    }

    pub fn begin_google(&self, provider: Arc<dyn IdentityProvider>) -> BeginGoogle {
        BeginGoogle {
            provider: Some(provider),
            errands: self.errands(),
            limits: no_limits(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn finish_google(&self, provider: Arc<dyn IdentityProvider>) -> FinishGoogle {
        FinishGoogle {
            provider,
            errands: self.errands(),
            users: self.store.users.clone(),
            new_arrivals: NewArrivals {
                users: self.store.users.clone(),
                registrations: self.store.registrations.clone(),
                mailer: self.mailer.clone(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
            },
            link_by_code: self.link_by_code(),
            sessions: self.sessions(),
            mailer: self.mailer.clone(),
            limits: no_limits(),
        }
    }

    pub fn link_by_code(&self) -> LinkByCode {
        LinkByCode {
            errands: self.errands(),
            users: self.store.users.clone(),
            challenges: self.challenges(),
            sessions: self.sessions(),
            mailer: self.mailer.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn unlink_google(&self) -> UnlinkGoogle {
        UnlinkGoogle { users: self.store.users.clone(), mailer: self.mailer.clone() }
    }

    pub fn errands(&self) -> Errands {
        Errands {
            store: self.store.external_sign_ins.clone(),
            sealer: Arc::new(PlainPayloadSealer),
            clock: self.clock.clone(),
        }
    }

    pub fn sessions(&self) -> Sessions {
        Sessions {
            sign_out: self.sign_out(),
            users: self.store.users.clone(),
            second_factors: self.second_factors(),
            acquaintance: self.acquaintance(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }
}

/// A browser that nobody is signed in with.
pub fn a_browser() -> Browser {
    a_browser_with(None)
}

/// A browser that has a session already.
pub fn a_browser_with(previous: Option<SessionToken>) -> Browser {
    Browser { previous, ..a_browser_at(FROM) }
}

/// A browser somewhere else.
pub fn a_browser_at(address: IpAddr) -> Browser {
    Browser { device: Device::of("", address), token: None, previous: None }
}

/// Browser `n` somewhere, which keeps the token by which it is known again.
pub fn a_known_browser(n: u8, address: IpAddr) -> Browser {
    Browser { token: Some(DeviceToken::mint([n; 32])), ..a_browser_at(address) }
}

/// What person `n` signs up with.
pub fn a_sign_up(n: u32) -> SignUp {
    let User { username, email, first_name, last_name, .. } = a_user(n);
    SignUp { username, email, password: PASSWORD.to_owned(), first_name, last_name }
}

pub fn a_name(text: &str) -> Username {
    Username::parse(text).expect("a username")
}

pub fn a_body(text: &str) -> MessageBody {
    MessageBody::parse(text).expect("a body")
}

/// What its sender calls `n`.
pub fn a_draft(room: RoomId, n: u8, text: &str) -> Draft {
    Draft {
        room,
        client_id: ClientId::from_bytes([n; 16]),
        body: a_body(text),
        reply_to: None,
        attachments: Vec::new(),
    }
}

/// A code that is not the one given.
pub fn other_than(code: &OtpCode) -> OtpCode {
    let last = if code.reveal().ends_with('0') { '1' } else { '0' };
    OtpCode::typed(&format!("{}{last}", &code.reveal()[..5]))
}

/// A port that does not answer.
pub fn down() -> Unavailable {
    Unavailable::of("store", std::io::Error::other("it is down"))
}

pub fn no_limits() -> Limits {
    Limits { limiter: Arc::new(OpenLimiter), code_limiter: Arc::new(OpenLimiter) }
}

/// Refuses what counts under one name, and nothing else.
pub fn limits_but(refused: &'static str) -> Limits {
    let mut limiter = MockRateLimiter::new();
    limiter.expect_admit().returning(move |key, _| match key.name {
        name if name == refused => Err(Throttled { retry_after: TimeDelta::seconds(7) }),
        _ => Ok(()),
    });
    limiter.expect_forget().returning(|_| ());
    let limiter = Arc::new(limiter);
    Limits { limiter: limiter.clone(), code_limiter: limiter }
}

/// A presence of which nothing is ever told.
fn nobody() -> MockPresence {
    let mut presence = MockPresence::new();
    presence.expect_arrive().returning(|_| false);
    presence.expect_leave().returning(|_| false);
    presence.expect_list_online().returning(|_| HashSet::new());
    presence
}

fn opener() -> Opener {
    Opener { sealer: Arc::new(PlainSealer), details: Arc::new(PlainPayloadSealer) }
}
