//! What the user has written stays: edits on volumes, claims, and what only an explicit word removes.

use serde_json::Value as Json;

use super::live::{eventually, live};

const CORE: &str = "statefulset/mai-maibot-core";
const BOT: &str = "/MaiMBot/config/bot_config.toml";

#[test]
fn an_edit_on_a_volume_survives_uninstall_and_install() {
    let Some(live) = live("an_edit_survives") else { return };
    let out = live.install(&[]).ok();
    assert!(out.contains("STATUS: deployed"), "{out}");
    assert!(live.health("mai").contains("\"status\":\"healthy\""));

    // The user edits, as the manual says, in the container: a value of the user's, and one that is set at each deploy.
    let edit = format!(
        "import re;p='{BOT}';s=open(p).read();s='# my own remark\\n'+s;\
         s=re.sub(r'(?m)^nickname = .*$','nickname = \"Xiaomai\" # hers',s);\
         s=re.sub(r'(?m)^allowed_ips = .*$','allowed_ips = \"10.0.0.0/8\"',s);open(p,'w').write(s)"
    );
    live.kubectl(["exec", CORE, "--", "python3", "-c", &edit]);
    let edited = live.read(CORE, BOT);
    let model = live.read(CORE, "/MaiMBot/config/model_config.toml");
    assert!(edited.starts_with("# my own remark\n") && edited.contains("nickname = \"Xiaomai\" # hers"), "{edited}");

    live.run(["uninstall", "mai", "--wait"]).ok();
    live.install(&[]).ok();

    let now = live.read(CORE, BOT);
    assert_eq!(
        now,
        edited.replace("allowed_ips = \"10.0.0.0/8\"", "allowed_ips = \"0.0.0.0/0\""),
        "only the set field changed"
    );
    assert_eq!(live.read(CORE, "/MaiMBot/config/model_config.toml"), model);
    let copies = live.kubectl(["exec", CORE, "--", "sh", "-c", "ls /MaiMBot/config"]);
    let copy = copies
        .lines()
        .find(|name| name.starts_with("bot_config.toml.") && name.contains(".bak"))
        .expect("a copy lies beside");
    assert_eq!(live.read(CORE, &format!("/MaiMBot/config/{copy}")), edited, "the copy is the file as it was");
    assert_eq!(
        copies.lines().filter(|name| name.contains(".bak")).count(),
        1,
        "files that did not change have no copy: {copies}"
    );
    assert!(live.health("mai").contains("healthy"), "the real checks of the program accept the edited file");
}

#[test]
fn uninstall_keeps_claims_until_the_name_is_confirmed() {
    let Some(live) = live("claims_are_kept") else { return };
    live.install(&[]).ok();
    let claims = live.names("pvc");
    assert_eq!(claims.len(), 5);

    let ended = live.run(["uninstall", "mai", "--delete-data"]);
    assert_eq!(ended.status, Some(64), "without a terminal a question cannot be asked: {}", ended.stderr);
    let ended = live.run(["uninstall", "mai", "--delete-data", "--yes"]);
    assert_eq!(ended.status, Some(64), "--yes is not enough for data: {}", ended.stderr);
    let ended = live.run(["uninstall", "mai", "--delete-data", "--confirm", "mia"]);
    assert_eq!(ended.status, Some(64), "{}", ended.stderr);
    assert!(ended.stderr.contains("MB4009"), "{}", ended.stderr);
    assert_eq!(live.names("statefulset").len(), 3, "nothing was touched");

    live.run(["uninstall", "mai"]).ok();
    assert_eq!(live.names("pvc"), claims);
    assert_eq!(live.names("lease"), Vec::<String>::new(), "nothing of ours is left but the data");
    assert!(live.names("secret").is_empty() && live.names("pod").iter().all(|name| !name.contains("files")));

    // The data of a release that is gone can still be removed; a name that never was is told.
    let ended = live.run(["uninstall", "mia", "--delete-data", "--confirm", "mia"]);
    assert_eq!(ended.status, Some(66), "{}", ended.stderr);
    live.run(["uninstall", "mai", "--delete-data", "--confirm", "mai"]).ok();
    eventually("the claims go", || live.names("pvc").is_empty());
    assert_eq!(live.names("lease"), Vec::<String>::new());
}

#[test]
fn a_claim_that_is_going_is_waited_for_and_made_anew() {
    let Some(live) = live("a_claim_that_is_going") else { return };
    live.install(&[]).ok();
    // The Pods still hold the claims, so they stay Terminating until the Pods are gone.
    live.run(["uninstall", "mai", "--delete-data", "--confirm", "mai"]).ok();
    live.install(&[]).ok();
    for claim in live.objects("pvc") {
        assert_eq!(claim["metadata"]["deletionTimestamp"], Json::Null, "{}", claim["metadata"]["name"]);
        assert_eq!(claim["status"]["phase"], "Bound");
    }
    assert!(live.health("mai").contains("healthy"));
}

#[test]
fn a_broken_file_on_a_volume_stops_the_run_and_stays_as_it_is() {
    let Some(live) = live("a_broken_file") else { return };
    live.install(&[]).ok();
    live.kubectl(["exec", CORE, "--", "sh", "-c", &format!("echo '[broken' >> {BOT}")]);
    let broken = live.read(CORE, BOT);
    live.run(["uninstall", "mai", "--wait"]).ok();
    let ended = live.install(&[]);
    assert_eq!(ended.status, Some(74), "{}", ended.stderr);
    assert!(ended.stderr.contains("MB6003") && ended.stderr.contains("bot_config.toml"), "{}", ended.stderr);
    // The user asks for the file of the values; what was there is beside it.
    live.install(&["--replace", "--set", "config.override_core_bot_config=true"]).ok();
    assert_eq!(live.kubectl(["exec", CORE, "--", "sh", "-c", "cat /MaiMBot/config/bot_config.toml.*.bak"]), broken);
}

#[test]
fn replaced_configuration_keeps_a_copy() {
    let Some(live) = live("replaced_configuration") else { return };
    live.install(&[]).ok();
    let before = live.read(CORE, BOT);
    live.kubectl(["exec", CORE, "--", "sh", "-c", &format!("echo '# mine' >> {BOT}")]);
    live.run(["uninstall", "mai", "--wait"]).ok();
    live.install(&["--set", "config.override_core_bot_config=true"]).ok();
    assert_eq!(live.read(CORE, BOT), before, "the values replace the file because the user asked for it");
    let copies = live.kubectl(["exec", CORE, "--", "sh", "-c", "cat /MaiMBot/config/bot_config.toml.*.bak"]);
    assert_eq!(copies, format!("{before}# mine\n"));
}
