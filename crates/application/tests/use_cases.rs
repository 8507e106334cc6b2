//! The use cases over an embedded store in memory; ports fail where a mock makes them.
mod administer;
mod adopt_keys;
mod alter_messages;
mod attendance;
mod blocks;
mod change_email;
mod change_password;
mod clear_room;
mod confirm;
mod create_user;
mod delete_account;
mod deliver_mail;
mod devices;
mod export;
mod files;
mod find_people;
mod follow;
mod google;
mod history;
mod mark_delivered;
mod mark_read;
mod measured;
mod mute_room;
mod open_room;
mod own_second_factor;
mod passkeys;
mod pictures;
mod privacy;
mod profile;
mod register;
mod requests;
mod resend_otp;
mod reset_password;
mod rooms;
mod search_messages;
mod second_step;
mod send_messages;
mod sign_in;
mod sign_out_and_authenticate;
mod sweep;
mod verify_otp;
mod world;

/// A file that is not named above would silently not run.
#[test]
fn every_file_of_tests_is_part_of_the_program() {
    let tests = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).expect("is there");
    let mut files = 0;
    for name in tests.map(|entry| entry.expect("reads").file_name()) {
        let name = name.to_str().expect("ASCII").trim_end_matches(".rs");
        if name != "use_cases" {
            let declared = format!("\nmod {name};\n");
            assert!(include_str!("use_cases.rs").contains(&declared), "{name} is not run");
            files += 1;
        }
    }
    assert!(files > 10, "the files were found");
}
