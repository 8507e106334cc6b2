//! The use cases, built from the parts.
use crate::{parts::Parts, settings::Settings};
use anyhow::Result;
use application::{
    accounts::{
        Acquaintance, AddressProof, Administer, Authenticate, Challenges, ChangeEmail,
        ChangePassword, Codes, Confirm, Conversations, CreateUser, DeleteAccount, Devices, Erase,
        Export, ForgotPassword, NewPassword, OwnPrivacy, OwnSecondFactor, Passkeys, Pictures,
        Places, Profile, RecordKeepers, Register, ResendOtp, ResetLinks, ResetPassword,
        SecondFactors, SecondStep, Sessions, SignIn, SignInByPasskey, SignOut, Traces, VerifyOtp,
        WaitingForAddress,
        google::{BeginGoogle, Errands, FinishGoogle, LinkByCode, NewArrivals, UnlinkGoogle},
    },
    chat::{
        AlterMessages, Attendance, ClearRoom, Follow, History, Lingering, MarkDelivered, MarkRead,
        Memory, MuteRoom, OpenRoom, Opener, Outstanding, Reach, Relations, Requests, Rooms,
        SearchMessages, SendMessages, Typing,
    },
    files::{Bring, Fetch, Leftovers, Vault},
    limits::Limits,
    operations::Sweep,
    people::{Blocks, FindPeople},
    ports::IdentityProvider,
};
use std::sync::Arc;
use tokio::sync::Semaphore;
use web::{
    AccountsApi, Assets, AttachmentsApi, Beginning, Caps, Cookies, ExportApi, Gate, GoogleApi,
    GooglePages, Health, MeApi, MessagesApi, Networks, Observation, PasskeysApi, PeopleApi,
    PictureApi, PrivacyApi, PublicUrl, RoomsApi, SearchApi, SecondFactorApi, SecurityApi,
    SessionsApi, Shutdown, Site, Sockets, TrustedProxies,
};

impl Parts {
    /// Forgets what has expired.
    pub fn sweep(&self) -> Sweep {
        Sweep {
            registrations: self.store.clone(),
            sessions: self.sessions.clone(),
            known_devices: self.store.clone(),
            challenges: self.store.clone(),
            password_resets: self.store.clone(),
            ceremonies: self.store.clone(),
            external_sign_ins: self.store.clone(),
            rooms: self.store.clone(),
            leftovers: self.leftovers(),
            clock: self.clock.clone(),
        }
    }

    /// Makes accounts for the operator.
    pub fn create_user(&self) -> CreateUser {
        CreateUser {
            users: self.store.clone(),
            registrations: self.store.clone(),
            hasher: self.hasher.clone(),
            proof: self.proof(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    /// Shows accounts to the operator and changes them.
    pub fn administer(&self) -> Administer {
        Administer {
            users: self.store.clone(),
            registrations: self.store.clone(),
            sign_out: self.sign_out(),
            new_password: self.new_password(),
            second_factors: self.second_factors(),
            erase: self.erase(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    /// Everything that is served.
    pub fn site(&self, settings: &Settings, caps: Caps, shutdown: Shutdown) -> Result<Site> {
        let cookies = Cookies::new(&settings.public_url);
        let gate = Arc::new(Gate { authenticate: self.authenticate(), cookies: cookies.clone() });
        let relations = self.relations();
        let attendance = Arc::new(self.attendance(&relations, &shutdown));
        let mark_delivered = Arc::new(self.mark_delivered(&relations, &shutdown));
        let blocks = self.blocks(&relations, &attendance);
        Ok(Site {
            accounts: self.accounts(cookies.clone()),
            sessions: SessionsApi {
                devices: Devices { sign_out: self.sign_out(), clock: self.clock.clone() },
                cookies: cookies.clone(),
            },
            security: self.security(&shutdown, cookies.clone()),
            second_factor: self.second_factor(cookies.clone()),
            passkeys: self.passkeys(cookies.clone()),
            google: self.google_api(cookies.clone()),
            google_pages: self.google_pages(&gate, &shutdown),
            me: MeApi {
                profile: Profile { users: self.store.clone() },
                delete_account: DeleteAccount { confirm: self.confirm(), erase: self.erase() },
                cookies,
            },
            picture: PictureApi { pictures: self.pictures() },
            privacy: PrivacyApi {
                privacy: OwnPrivacy {
                    users: self.store.clone(),
                    attendance: attendance.clone(),
                    limits: self.limits(),
                },
            },
            export: self.export(settings, &shutdown),
            people: PeopleApi {
                find_people: FindPeople { users: self.store.clone(), limits: self.limits() },
                blocks: self.blocks(&relations, &attendance),
            },
            rooms: RoomsApi {
                rooms: self.rooms(),
                open_room: self.open_room(&relations),
                requests: Requests {
                    views: self.rooms(),
                    relations: relations.clone(),
                    bus: self.bus.clone(),
                },
                mark_read: self.mark_read(&relations),
                clear_room: ClearRoom {
                    rooms: self.store.clone(),
                    leftovers: self.leftovers(),
                    bus: self.bus.clone(),
                },
                mute_room: MuteRoom { views: self.rooms(), bus: self.bus.clone() },
            },
            messages: MessagesApi {
                send_messages: self.send_messages(&relations),
                alter_messages: self.alter_messages(&relations),
                history: self.history(),
            },
            attachments: self.attachments(),
            search: SearchApi { search_messages: self.search_messages() },
            health: Health { store: self.store.clone(), going_away: shutdown.announced.clone() },
            sockets: self.sockets(
                &gate,
                &settings.public_url,
                caps,
                shutdown,
                attendance,
                mark_delivered,
            ),
            gate,
            mailbox: self.mailbox.clone(),
            beginning: Beginning {
                profile: Profile { users: self.store.clone() },
                rooms: self.rooms(),
                blocks,
            },
            assets: Arc::new(Assets::load(self.google.is_some())?),
            public_url: settings.public_url.clone(),
            trusted_proxies: TrustedProxies(Networks(settings.trusted_proxies.clone().into())),
            observation: Observation {
                metrics: self.metrics.clone(),
                report: self.metrics.clone(),
                readers: Networks(settings.metrics_from.clone().into()),
                entropy: self.entropy.clone(),
            },
        })
    }

    fn blocks(&self, relations: &Arc<Relations>, attendance: &Arc<Attendance>) -> Blocks {
        Blocks {
            users: self.store.clone(),
            relations: relations.clone(),
            attendance: attendance.clone(),
            clock: self.clock.clone(),
        }
    }

    fn pictures(&self) -> Pictures {
        Pictures {
            pictures: self.store.clone(),
            processor: self.picture_processor.clone(),
            limits: self.limits(),
            entropy: self.entropy.clone(),
        }
    }

    fn export(&self, settings: &Settings, shutdown: &Shutdown) -> ExportApi {
        let export = Export {
            keepers: RecordKeepers {
                users: self.store.clone(),
                pictures: self.store.clone(),
                sessions: self.sessions.clone(),
                known_devices: self.store.clone(),
                second_factors: self.store.clone(),
                passkeys: self.store.clone(),
                blocks: self.store.clone(),
                clock: self.clock.clone(),
            },
            conversations: Conversations {
                rooms: self.store.clone(),
                users: self.store.clone(),
                messages: self.messages.clone(),
                opener: self.opener(),
                files: self.fetch(),
            },
            authenticate: self.authenticate(),
            limits: self.limits(),
            places: Places::default(),
            mailer: self.mailer.clone(),
        };
        let public_url = settings.public_url.clone();
        ExportApi { export, public_url, shutdown: shutdown.clone() }
    }

    fn accounts(&self, cookies: Cookies) -> AccountsApi {
        AccountsApi {
            register: Register {
                users: self.store.clone(),
                registrations: self.store.clone(),
                hasher: self.hasher.clone(),
                proof: self.proof(),
                limits: self.limits(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
            },
            verify_otp: VerifyOtp {
                registrations: self.store.clone(),
                users: self.store.clone(),
                proof: self.proof(),
                sessions: self.sessions(),
                mailer: self.mailer.clone(),
                limits: self.limits(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
            },
            resend_otp: ResendOtp {
                registrations: self.store.clone(),
                proof: self.proof(),
                limits: self.limits(),
                clock: self.clock.clone(),
            },
            sign_in: SignIn {
                users: self.store.clone(),
                registrations: self.store.clone(),
                hasher: self.hasher.clone(),
                express_hasher: self.express_hasher.clone(),
                sessions: self.sessions(),
                proof: self.proof(),
                limits: self.limits(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
            },
            sign_out: self.sign_out(),
            cookies,
        }
    }

    fn security(&self, shutdown: &Shutdown, cookies: Cookies) -> SecurityApi {
        SecurityApi {
            confirm: self.confirm(),
            forgot_password: ForgotPassword {
                links: ResetLinks {
                    users: self.store.clone(),
                    resets: self.store.clone(),
                    mailer: self.mailer.clone(),
                    clock: self.clock.clone(),
                    entropy: self.entropy.clone(),
                },
                limits: self.limits(),
                tasks: shutdown.tasks.clone(),
                places: Arc::new(Semaphore::new(ForgotPassword::PLACES)),
            },
            reset_password: ResetPassword {
                users: self.store.clone(),
                resets: self.store.clone(),
                new_password: self.new_password(),
                acquaintance: self.acquaintance(),
                limits: self.limits(),
                clock: self.clock.clone(),
            },
            change_password: ChangePassword {
                confirm: self.confirm(),
                new_password: self.new_password(),
            },
            change_email: ChangeEmail {
                confirm: self.confirm(),
                challenges: self.challenges(),
                proof: self.proof(),
                users: self.store.clone(),
                waiting: WaitingForAddress {
                    resets: self.store.clone(),
                    challenges: self.store.clone(),
                    registrations: self.store.clone(),
                },
                mailer: self.mailer.clone(),
            },
            cookies,
        }
    }

    fn google_api(&self, cookies: Cookies) -> GoogleApi {
        GoogleApi {
            begin: self.begin_google(),
            link_by_code: self.link_by_code(),
            unlink: UnlinkGoogle { users: self.store.clone(), mailer: self.mailer.clone() },
            cookies,
        }
    }

    fn google_pages(&self, gate: &Arc<Gate>, shutdown: &Shutdown) -> Option<GooglePages> {
        let provider = self.google.clone()?;
        let finish = FinishGoogle {
            provider,
            errands: self.errands(),
            users: self.store.clone(),
            new_arrivals: NewArrivals {
                users: self.store.clone(),
                registrations: self.store.clone(),
                mailer: self.mailer.clone(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
            },
            link_by_code: self.link_by_code(),
            sessions: self.sessions(),
            mailer: self.mailer.clone(),
            limits: self.limits(),
        };
        Some(GooglePages {
            begin: self.begin_google(),
            finish: Arc::new(finish),
            gate: gate.clone(),
            tasks: shutdown.tasks.clone(),
        })
    }

    fn begin_google(&self) -> BeginGoogle {
        BeginGoogle {
            provider: self.google.clone().map(|google| google as Arc<dyn IdentityProvider>),
            errands: self.errands(),
            limits: self.limits(),
            entropy: self.entropy.clone(),
        }
    }

    fn link_by_code(&self) -> LinkByCode {
        LinkByCode {
            errands: self.errands(),
            users: self.store.clone(),
            challenges: self.challenges(),
            sessions: self.sessions(),
            mailer: self.mailer.clone(),
            entropy: self.entropy.clone(),
        }
    }

    fn errands(&self) -> Errands {
        Errands {
            store: self.store.clone(),
            sealer: self.payloads.clone(),
            clock: self.clock.clone(),
        }
    }

    fn sockets(
        &self,
        gate: &Arc<Gate>,
        public_url: &PublicUrl,
        caps: Caps,
        shutdown: Shutdown,
        attendance: Arc<Attendance>,
        mark_delivered: Arc<MarkDelivered>,
    ) -> Sockets {
        let relations = attendance.relations.clone();
        Sockets {
            gate: gate.clone(),
            public_url: public_url.clone(),
            follow: Follow {
                bus: self.bus.clone(),
                rooms: self.rooms(),
                opener: self.opener(),
                relations: relations.clone(),
                authenticate: self.authenticate(),
                attendance,
            },
            send_messages: Arc::new(self.send_messages(&relations)),
            mark_read: Arc::new(self.mark_read(&relations)),
            mark_delivered,
            typing: Arc::new(Typing {
                rooms: self.store.clone(),
                relations,
                bus: self.bus.clone(),
                limits: self.limits(),
            }),
            caps,
            shutdown,
            open: web::Places::default(),
            metrics: self.metrics.clone(),
        }
    }

    /// One for all use cases: what one of them changes, the others notice at once.
    fn relations(&self) -> Arc<Relations> {
        Arc::new(Relations {
            rooms: self.store.clone(),
            blocks: self.store.clone(),
            users: self.store.clone(),
            clock: self.clock.clone(),
            memory: Memory::default(),
        })
    }

    fn attendance(&self, relations: &Arc<Relations>, shutdown: &Shutdown) -> Attendance {
        Attendance {
            presence: self.presence.clone(),
            relations: relations.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            tasks: shutdown.tasks.clone(),
            grace: Attendance::GRACE,
            ending: shutdown.begun.clone(),
            lingering: Lingering::default(),
        }
    }

    fn proof(&self) -> AddressProof {
        AddressProof { users: self.store.clone(), mailer: self.mailer.clone(), codes: self.codes() }
    }

    fn codes(&self) -> Codes {
        Codes { digester: self.digester.clone(), entropy: self.entropy.clone() }
    }

    fn challenges(&self) -> Challenges {
        Challenges {
            challenges: self.store.clone(),
            codes: self.codes(),
            limits: self.limits(),
            clock: self.clock.clone(),
        }
    }

    fn confirm(&self) -> Confirm {
        Confirm {
            users: self.store.clone(),
            hasher: self.express_hasher.clone(),
            challenges: self.challenges(),
            mailer: self.mailer.clone(),
            limits: self.limits(),
        }
    }

    fn new_password(&self) -> NewPassword {
        NewPassword {
            users: self.store.clone(),
            hasher: self.express_hasher.clone(),
            resets: self.store.clone(),
            challenges: self.store.clone(),
            sign_out: self.sign_out(),
            mailer: self.mailer.clone(),
        }
    }

    fn erase(&self) -> Erase {
        Erase {
            users: self.store.clone(),
            traces: Traces {
                resets: self.store.clone(),
                challenges: self.store.clone(),
                known_devices: self.store.clone(),
                blocks: self.store.clone(),
                registrations: self.store.clone(),
                second_factors: self.store.clone(),
                passkeys: self.store.clone(),
                ceremonies: self.store.clone(),
                leftovers: self.leftovers(),
            },
            rooms: self.store.clone(),
            sign_out: self.sign_out(),
            mailer: self.mailer.clone(),
        }
    }

    fn second_factor(&self, cookies: Cookies) -> SecondFactorApi {
        SecondFactorApi {
            own: OwnSecondFactor {
                confirm: self.confirm(),
                second_factors: self.second_factors(),
                limits: self.limits(),
            },
            second_step: SecondStep {
                users: self.store.clone(),
                second_factors: self.second_factors(),
                sessions: self.sessions(),
                limits: self.limits(),
                clock: self.clock.clone(),
            },
            cookies,
        }
    }

    fn passkeys(&self, cookies: Cookies) -> PasskeysApi {
        PasskeysApi {
            passkeys: Passkeys {
                confirm: self.confirm(),
                verifier: self.passkey_verifier.clone(),
                second_factors: self.second_factors(),
                limits: self.limits(),
            },
            sign_in: SignInByPasskey {
                users: self.store.clone(),
                verifier: self.passkey_verifier.clone(),
                second_factors: self.second_factors(),
                sessions: self.sessions(),
                limits: self.limits(),
            },
            cookies,
        }
    }

    fn second_factors(&self) -> SecondFactors {
        SecondFactors {
            factors: self.store.clone(),
            passkeys: self.store.clone(),
            ceremonies: self.store.clone(),
            sealer: self.payloads.clone(),
            digester: self.digester.clone(),
            mailer: self.mailer.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    fn sessions(&self) -> Sessions {
        Sessions {
            sign_out: self.sign_out(),
            users: self.store.clone(),
            second_factors: self.second_factors(),
            acquaintance: self.acquaintance(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    fn acquaintance(&self) -> Acquaintance {
        Acquaintance {
            devices: self.store.clone(),
            sessions: self.sessions.clone(),
            mailer: self.mailer.clone(),
            clock: self.clock.clone(),
        }
    }

    fn sign_out(&self) -> SignOut {
        SignOut { sessions: self.sessions.clone(), bus: self.bus.clone() }
    }

    fn authenticate(&self) -> Authenticate {
        Authenticate { sessions: self.sessions.clone(), clock: self.clock.clone() }
    }

    fn limits(&self) -> Limits {
        Limits { limiter: self.limiter.clone(), code_limiter: self.code_limiter.clone() }
    }

    fn opener(&self) -> Opener {
        Opener { sealer: self.sealer.clone(), details: self.payloads.clone() }
    }

    fn rooms(&self) -> Rooms {
        Rooms { rooms: self.store.clone(), users: self.store.clone(), opener: self.opener() }
    }

    fn open_room(&self, relations: &Arc<Relations>) -> OpenRoom {
        OpenRoom {
            rooms: self.store.clone(),
            users: self.store.clone(),
            relations: relations.clone(),
            views: self.rooms(),
            bus: self.bus.clone(),
            limits: self.limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    fn mark_read(&self, relations: &Arc<Relations>) -> MarkRead {
        MarkRead { rooms: self.store.clone(), relations: relations.clone(), bus: self.bus.clone() }
    }

    /// One for all sockets: what reaches them is noted together.
    fn mark_delivered(&self, relations: &Arc<Relations>, shutdown: &Shutdown) -> MarkDelivered {
        MarkDelivered {
            rooms: self.store.clone(),
            relations: relations.clone(),
            bus: self.bus.clone(),
            tasks: shutdown.tasks.clone(),
            pause: MarkDelivered::PAUSE,
            ending: shutdown.begun.clone(),
            outstanding: Outstanding::default(),
        }
    }

    fn send_messages(&self, relations: &Arc<Relations>) -> SendMessages {
        SendMessages {
            messages: self.messages.clone(),
            reach: self.reach(relations),
            sealer: self.sealer.clone(),
            opener: self.opener(),
            attachments: self.store.clone(),
            digester: self.digester.clone(),
            limits: self.limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            metrics: self.metrics.clone(),
        }
    }

    fn alter_messages(&self, relations: &Arc<Relations>) -> AlterMessages {
        AlterMessages {
            messages: self.messages.clone(),
            reach: self.reach(relations),
            sealer: self.sealer.clone(),
            opener: self.opener(),
            leftovers: self.leftovers(),
            limits: self.limits(),
            clock: self.clock.clone(),
        }
    }

    fn vault(&self) -> Vault {
        Vault {
            attachments: self.store.clone(),
            pieces: self.piece_sealer.clone(),
            details: self.payloads.clone(),
        }
    }

    fn fetch(&self) -> Fetch {
        Fetch { vault: self.vault(), messages: self.messages.clone(), rooms: self.store.clone() }
    }

    fn attachments(&self) -> AttachmentsApi {
        AttachmentsApi {
            fetch: self.fetch(),
            bring: Bring {
                vault: self.vault(),
                rooms: self.store.clone(),
                processor: self.picture_processor.clone(),
                limits: self.limits(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
                places: Arc::new(Semaphore::new(Bring::PLACES)),
                turns: Arc::new(Semaphore::new(Bring::TURNS)),
            },
        }
    }

    fn leftovers(&self) -> Leftovers {
        Leftovers { attachments: self.store.clone(), messages: self.messages.clone() }
    }

    fn reach(&self, relations: &Arc<Relations>) -> Reach {
        Reach { rooms: self.store.clone(), relations: relations.clone(), bus: self.bus.clone() }
    }

    fn search_messages(&self) -> SearchMessages {
        SearchMessages {
            rooms: self.store.clone(),
            messages: self.messages.clone(),
            opener: self.opener(),
            limits: self.limits(),
            clock: self.clock.clone(),
            places: Arc::new(Semaphore::new(SearchMessages::PLACES)),
        }
    }

    fn history(&self) -> History {
        History {
            messages: self.messages.clone(),
            rooms: self.store.clone(),
            opener: self.opener(),
        }
    }
}
