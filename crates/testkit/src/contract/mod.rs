//! What every adapter of a port must do, as cases whose names are sentences.
//!
//! A bug found in one adapter becomes a case here, so that no adapter has it.
#![expect(missing_docs, reason = "the name of a case is all there is to say")]

pub mod attachments;
pub mod blocks;
pub mod ceremonies;
pub mod challenges;
pub mod external_sign_ins;
pub mod keys;
pub mod known_devices;
pub mod messages;
pub mod outbox;
pub mod passkeys;
pub mod password_resets;
pub mod pictures;
pub mod presence;
pub mod registrations;
pub mod rooms;
pub mod second_factors;
pub mod sessions;
pub mod users;

use crate::RecordingBus;
use application::ports::{
    AttachmentRepository, BlockRepository, CeremonyRepository, ChallengeRepository,
    ExternalSignInRepository, KeyFingerprintRepository, KnownDeviceRepository, MessageRepository,
    OutboxRepository, PasskeyRepository, PasswordResetRepository, PictureRepository,
    RegistrationRepository, RoomRepository, SecondFactorRepository, SessionRepository,
    UserRepository,
};
use std::{any::Any, sync::Arc};
use tokio::sync::Barrier;

/// An empty store, seen through its ports, with the bus it announces on.
#[derive(Clone)]
pub struct StoreUnderTest {
    /// Its accounts.
    pub users: Arc<dyn UserRepository>,
    /// Its sign-ups.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Its sessions.
    pub sessions: Arc<dyn SessionRepository>,
    /// Its rooms.
    pub rooms: Arc<dyn RoomRepository>,
    /// Its messages.
    pub messages: Arc<dyn MessageRepository>,
    /// The fingerprints of its keys.
    pub keys: Arc<dyn KeyFingerprintRepository>,
    /// The browsers its accounts were signed in with.
    pub known_devices: Arc<dyn KnownDeviceRepository>,
    /// Its mail on the way out.
    pub outbox: Arc<dyn OutboxRepository>,
    /// The codes mailed to people who are signed in.
    pub challenges: Arc<dyn ChallengeRepository>,
    /// Whom its people keep away.
    pub blocks: Arc<dyn BlockRepository>,
    /// Its links for new passwords.
    pub password_resets: Arc<dyn PasswordResetRepository>,
    /// What its accounts ask for beside the first factor.
    pub second_factors: Arc<dyn SecondFactorRepository>,
    /// Its passkeys.
    pub passkeys: Arc<dyn PasskeyRepository>,
    /// What browsers have begun.
    pub ceremonies: Arc<dyn CeremonyRepository>,
    /// People on their way to a provider and back.
    pub external_sign_ins: Arc<dyn ExternalSignInRepository>,
    /// The pictures of its people.
    pub pictures: Arc<dyn PictureRepository>,
    /// The files that come with its messages.
    pub attachments: Arc<dyn AttachmentRepository>,
    /// What it announced.
    pub bus: Arc<RecordingBus>,
    _guard: Arc<dyn Any + Send + Sync>,
}

impl StoreUnderTest {
    /// A store that is every repository at once, with whatever has to live as long as it does (a
    /// directory that vanishes when dropped, say).
    pub fn new<S, G>(store: Arc<S>, bus: Arc<RecordingBus>, guard: G) -> Self
    where
        S: UserRepository
            + RegistrationRepository
            + SessionRepository
            + RoomRepository
            + MessageRepository
            + KeyFingerprintRepository
            + KnownDeviceRepository
            + OutboxRepository
            + ChallengeRepository
            + PasswordResetRepository
            + SecondFactorRepository
            + CeremonyRepository
            + PasskeyRepository
            + ExternalSignInRepository
            + PictureRepository
            + BlockRepository
            + AttachmentRepository
            + 'static,
        G: Any + Send + Sync,
    {
        Self {
            users: store.clone(),
            registrations: store.clone(),
            sessions: store.clone(),
            rooms: store.clone(),
            messages: store.clone(),
            keys: store.clone(),
            challenges: store.clone(),
            password_resets: store.clone(),
            second_factors: store.clone(),
            ceremonies: store.clone(),
            passkeys: store.clone(),
            pictures: store.clone(),
            blocks: store.clone(),
            attachments: store.clone(),
            known_devices: store.clone(),
            external_sign_ins: store.clone(),
            outbox: store,
            bus,
            _guard: Arc::new(guard),
        }
    }
}

/// Has so many tasks do something at the same moment; their results in the order of their numbers.
async fn at_once<T, F>(tasks: u32, task: impl Fn(u32) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(tasks as usize));
    let running: Vec<_> = (0..tasks)
        .map(|n| {
            let (start, work) = (start.clone(), task(n));
            tokio::spawn(async move {
                start.wait().await;
                work.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(running.len());
    for task in running {
        results.push(task.await.expect("the task ends well"));
    }
    results
}

/// Runs every case of the store's contract, each as a test of its own on a new store:
/// `store_contract!(open())`, where `open` is in the same module and gives a [`StoreUnderTest`].
/// The tests need `tokio` with its macros and the multi-threaded runtime.
#[macro_export]
macro_rules! store_contract {
    ($store:expr) => {
        $crate::contract_cases! { $store;
            users {
                what_was_inserted_is_found_in_every_way
                an_address_belongs_to_one_user
                an_account_elsewhere_belongs_to_one_user
                a_username_belongs_to_one_user_together_with_what_reads_like_it
                of_users_that_race_for_one_address_one_gets_it
                of_users_that_race_for_names_that_read_alike_one_gets_it
                case_does_not_count_in_a_username
                those_that_exist_are_listed
                a_prefix_finds_users_by_key_and_in_order
                marks_in_a_prefix_are_taken_literally
                a_profile_changes_where_it_is_asked_to
                a_profile_cannot_take_a_name_that_reads_like_another
                of_profiles_that_race_for_a_name_one_gets_it
                a_password_is_replaced_or_given_for_the_first_time
                an_address_is_replaced_unless_it_is_taken
                of_people_that_race_for_one_new_address_one_gets_it
                all_users_are_paged_in_the_order_in_which_they_joined
                who_is_kept_out_is_known_but_found_by_no_prefix
                what_somebody_shows_changes_where_it_is_asked_to
                of_changes_of_what_is_shown_that_race_each_finds_what_the_last_left
                an_account_elsewhere_is_linked_unless_it_is_taken
                whoever_has_another_account_linked_keeps_that
                of_people_that_race_for_one_account_elsewhere_one_gets_it
                of_accounts_elsewhere_that_race_for_one_person_one_is_linked
                an_account_elsewhere_is_unlinked_where_there_is_a_password
                who_was_removed_is_gone_and_their_names_are_free
            }
            registrations {
                what_was_inserted_is_found_by_its_flow
                a_second_sign_up_of_a_flow_replaces_the_first
                several_may_wait_for_one_address_and_the_newest_is_found
                several_may_wait_for_one_username_and_the_newest_is_found
                every_attempt_sees_a_count_of_its_own
                what_is_amended_keeps_its_code_and_every_try_counted
                a_code_is_replaced_once
                of_replacements_that_race_one_wins
                a_sign_up_that_moved_is_found_under_its_new_flow_alone
                moving_to_a_flow_that_has_a_sign_up_replaces_that
                an_address_is_forgotten_with_all_its_sign_ups
                old_sign_ups_are_forgotten
            }
            sessions {
                a_session_is_found_by_id_and_token
                use_is_noted
                touching_never_brings_back_a_session
                touching_and_removing_may_race
                a_removed_session_is_gone
                stale_sessions_are_forgotten
                sessions_of_a_person_are_listed_with_the_one_used_last_first
                all_sessions_of_a_person_end_but_the_one_to_keep
            }
            rooms {
                two_people_have_one_room
                of_openers_that_race_one_makes_the_room
                a_room_is_seen_from_both_sides
                a_room_is_shown_to_its_people_alone
                the_last_message_is_shown_as_it_is_now
                only_undeleted_messages_of_the_other_count_as_unread
                reading_moves_the_mark_forward_only
                of_read_marks_that_race_the_furthest_stays
                rooms_are_listed_by_latest_activity
                rooms_of_equal_activity_are_paged_without_gap_or_repeat
                activity_never_moves_back
                an_edit_does_not_lift_a_room_in_the_list
                partners_are_those_of_the_latest_rooms
                who_opens_a_room_stands_in_it_and_the_other_as_was_asked_for
                a_standing_changes_from_what_it_was_only
                of_standings_that_race_one_is_told_that_it_changed
                what_was_declined_is_out_of_sight_for_one_alone
                what_was_cleared_is_out_of_sight_for_one_alone
                what_comes_after_clearing_counts_from_there
                what_was_put_away_comes_back_when_asked_for
                what_both_have_cleared_is_emptied_and_keeps_its_place
                nobody_clears_the_rooms_of_others
                a_room_is_muted_for_one_alone
                nobody_mutes_the_rooms_of_others
                of_callers_that_race_to_mute_one_changes_it
                what_reached_a_device_moves_the_mark_forward_only
                many_marks_move_together_and_tell_whose_they_are
                of_delivered_marks_that_race_the_furthest_stays
                marks_and_messages_that_race_leave_both_whole
                what_no_device_has_yet_is_listed_up_to_the_head
                what_is_out_of_sight_waits_for_no_device
            }
            messages {
                the_first_messages_are_numbered_from_one
                a_message_reads_back_as_it_was_stored
                a_batch_goes_through_several_rooms_in_its_order
                a_room_that_does_not_exist_takes_nothing
                a_repeated_client_id_stores_nothing
                a_client_id_counts_for_its_sender_alone
                a_repeat_after_a_change_gives_the_message_as_it_is_now
                the_same_client_id_twenty_times_at_once_is_one_message
                a_repeat_inside_a_batch_is_known
                a_message_is_found_by_what_its_sender_calls_it
                a_reply_needs_a_message_of_its_room
                a_repeat_is_known_even_if_its_reply_is_wrong
                an_edit_takes_the_next_rev
                a_deletion_keeps_the_place_and_nothing_else
                reactions_keep_the_order_in_which_they_were_given
                what_changes_nothing_takes_no_rev
                what_is_not_there_cannot_be_changed
                of_reactions_that_race_none_is_lost
                fifty_writers_leave_no_hole_and_keep_their_order
                windows_show_the_part_that_was_asked_for
                windows_know_whether_there_is_more
                changes_give_latest_states_only
                changes_are_paged
                every_change_is_announced_before_its_call_returns
                a_reader_of_changes_misses_nothing_while_writers_race
            }
            keys {
                a_fingerprint_is_listed
                the_first_fingerprint_under_an_id_stays
            }
            known_devices {
                a_device_is_listed_for_its_person_alone_with_the_one_used_last_first
                one_device_of_two_people_is_kept_for_each
                a_device_that_is_used_again_is_kept_once_with_its_new_place
                no_more_than_so_many_are_kept_and_those_used_last_stay
                of_uses_that_race_each_is_kept_once
                devices_of_a_person_are_forgotten_together
                devices_unused_for_long_are_forgotten
            }
            challenges {
                a_challenge_is_tried_as_it_was_put
                a_session_has_one_challenge_for_each_purpose
                a_challenge_takes_the_place_of_an_older_one_alone
                of_challenges_that_race_one_is_put
                every_try_of_a_challenge_sees_a_count_of_its_own
                of_takers_that_race_one_takes_the_challenge
                a_challenge_with_another_code_is_not_taken
                challenges_of_a_person_are_forgotten_together
                old_challenges_are_forgotten
            }
            password_resets {
                a_link_is_found_by_its_token
                a_link_takes_the_place_of_an_older_one_alone
                of_links_that_race_for_a_person_one_is_put
                a_link_is_taken_once
                a_link_of_a_person_is_forgotten
                old_links_are_forgotten
            }
            second_factors {
                a_second_factor_is_found_as_it_was_put
                an_app_takes_the_place_of_one_set_up_before_alone
                of_callers_that_race_with_one_app_one_puts_it
                a_half_minute_is_used_once_and_no_earlier_one_after_it
                where_a_passkey_is_asked_for_no_half_minute_is_used
                of_callers_that_race_with_one_code_one_uses_it
                of_callers_that_race_for_a_recovery_code_one_takes_it
                recovery_codes_are_replaced_together
                of_callers_that_race_to_remove_a_second_factor_one_does
            }
            passkeys {
                a_passkey_is_listed_as_it_was_inserted
                a_credential_is_kept_once
                of_passkeys_that_race_with_one_credential_one_is_kept
                use_of_a_passkey_is_noted
                a_removed_passkey_is_gone_and_its_use_brings_it_not_back
                passkeys_of_a_person_are_forgotten_together
            }
            ceremonies {
                a_ceremony_is_found_by_the_browser_that_began_it
                a_ceremony_takes_the_place_of_the_one_before
                of_ceremonies_that_race_for_a_browser_one_is_kept
                every_try_of_a_ceremony_sees_a_count_of_its_own
                of_takers_that_race_one_takes_the_ceremony
                ceremonies_of_a_person_are_forgotten_together
                old_ceremonies_are_forgotten
            }
            external_sign_ins {
                an_errand_is_found_by_its_key
                an_errand_is_taken_once
                of_takers_that_race_one_gets_the_errand
                old_errands_are_forgotten
            }
            pictures {
                a_picture_is_shown_until_it_is_replaced
                a_picture_of_nobody_is_not_kept
                a_picture_goes_with_its_person
                of_pictures_that_race_exactly_one_is_kept
            }
            attachments {
                a_file_is_found_once_it_is_complete
                files_are_claimed_in_the_order_asked_for
                all_files_are_claimed_or_none
                of_claims_that_race_for_files_one_gets_them
                files_beyond_the_quota_are_not_kept
                of_files_that_race_no_more_are_kept_than_fit
                loose_files_are_listed_until_they_are_settled
                unsent_files_of_an_uploader_are_listed
                a_file_is_removed_with_all_its_pieces
                a_file_that_is_not_loose_since_then_is_not_removed
                a_claim_and_a_removal_that_race_never_both_succeed
                a_message_gives_its_files_back_until_it_is_deleted
                files_of_emptied_messages_go_with_the_next_sweep
            }
            blocks {
                a_block_is_listed_for_its_blocker_alone_the_latest_first
                a_block_is_seen_from_both_sides
                a_block_that_is_put_again_stays_as_it_was
                of_blocks_that_race_one_is_kept
                a_block_is_lifted_by_its_blocker_alone
                blocks_of_a_person_are_forgotten_on_both_sides
            }
            outbox {
                a_mail_is_claimed_as_it_was_inserted
                nothing_is_claimed_before_it_is_due
                the_longest_due_are_claimed_first_and_no_more_than_asked_for
                what_was_claimed_and_left_comes_up_again_with_its_attempts_counted
                of_claimers_that_race_none_gets_the_mail_of_another
                a_postponed_mail_waits_for_its_new_moment
                a_removed_mail_is_gone
                postponing_never_brings_back_a_mail
                those_that_wait_are_counted_claimed_or_not
            }
        }
    };
}

/// Runs every case of the contract of presence, as [`store_contract!`] does those of the store:
/// `presence_contract!(open())`, where `open` gives a [`PresenceUnderTest`](crate::PresenceUnderTest).
#[macro_export]
macro_rules! presence_contract {
    ($presence:expr) => {
        $crate::contract_cases! { $presence;
            presence {
                the_first_socket_brings_somebody_online_and_the_last_takes_them_off
                one_person_says_nothing_of_another
                who_leaves_without_having_come_changes_nothing
                of_sockets_that_race_one_brings_online_and_one_takes_off
                coming_and_going_at_once_leaves_the_truth
            }
        }
    };
}

/// Makes tests of cases; see [`store_contract!`].
#[doc(hidden)]
#[macro_export]
macro_rules! contract_cases {
    ($store:expr; $($port:ident { $($case:ident)+ })+) => {
        $(mod $port {
            #[expect(unused_imports, clippy::wildcard_imports, reason = "for the store given")]
            use super::*;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    $crate::contract::$port::$case(&$store).await;
                }
            )+
        })+
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_case_is_left_out_of_the_macro() {
        let listed = include_str!("mod.rs");
        let sources = [
            include_str!("blocks.rs"),
            include_str!("ceremonies.rs"),
            include_str!("challenges.rs"),
            include_str!("external_sign_ins.rs"),
            include_str!("keys.rs"),
            include_str!("known_devices.rs"),
            include_str!("messages.rs"),
            include_str!("presence.rs"),
            include_str!("outbox.rs"),
            include_str!("passkeys.rs"),
            include_str!("password_resets.rs"),
            include_str!("pictures.rs"),
            include_str!("registrations.rs"),
            include_str!("rooms.rs"),
            include_str!("second_factors.rs"),
            include_str!("sessions.rs"),
            include_str!("users.rs"),
        ];
        let mut cases = 0;
        for source in sources {
            for rest in source.split("\npub async fn ").skip(1) {
                let name = rest.split('(').next().expect("a name");
                assert!(listed.contains(&format!(" {name}\n")), "{name} is not run");
                cases += 1;
            }
        }
        assert!(cases > 60, "the cases were found");
    }
}
