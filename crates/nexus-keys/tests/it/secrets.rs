//! Secrets stay out of errors and out of every way of printing.

use std::error::Error;

use nexus_keys::{
    KdfCost, Keystore, KeystoreKdf, Mnemonic, Salt, SealedMnemonic, Seed, ValidatorKey, VaultBinding,
};
use nexus_primitives::{Address, ChainId, RollupAdmin};
use zeroize::Zeroizing;

use crate::fixture;

/// Fails to compile when the type implements one of the traits: the method's owner would be ambiguous.
macro_rules! assert_never {
    ($type:ty: $($bound:path),+) => {$(
        const _: fn() = || {
            trait Ambiguous<Marker> {
                fn witness() {}
            }
            struct Implemented;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $bound> Ambiguous<Implemented> for T {}
            let _ = <$type as Ambiguous<_>>::witness;
        };
    )+};
}

macro_rules! assert_secret {
    ($($type:ty),+) => {$(
        assert_never!($type: Clone, Copy, std::fmt::Debug, std::fmt::Display, serde::Serialize, PartialEq);
    )+};
}

assert_secret!(ValidatorKey, Mnemonic, Seed, Salt);

/// The whole chain of an error, both ways of printing it.
fn printed(error: &dyn Error) -> String {
    let mut text = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        text = format!("{text}\n{error}");
        next = error.source();
    }
    text.to_lowercase()
}

#[track_caller]
fn check(error: &dyn Error, secrets: &[&str]) {
    let text = printed(error);
    for secret in secrets {
        assert!(!text.contains(&secret.to_lowercase()), "{text}");
    }
}

#[test]
fn a_refused_scalar_is_not_repeated() {
    let error = ValidatorKey::from_bytes(&Zeroizing::new([0xee; 32])).err().unwrap();
    check(&error, &["eeee", "238", "[0"]);
}

#[test]
fn keystore_errors_name_neither_password_nor_key() {
    let secret = "5f1e0000000000000000000000000000000000000000000000000000deadbeef";
    let kdf = KeystoreKdf::Scrypt(KdfCost::new(2, 1, 1).unwrap());
    let keystore = Keystore::encrypt(&fixture::key(secret), "hunter2hunter2", None, kdf, &mut rand::rng());
    let json = keystore.unwrap().to_json();
    let wrong = Keystore::decrypt(&json, "wrong-password-text").err().unwrap();
    check(&wrong, &["hunter2", "wrong-password-text", "5f1e", "deadbeef"]);

    let other = fixture::key(&format!("{:064x}", 1)).pubkey();
    let ours = fixture::key(secret).pubkey();
    let relabelled = json.replace(&hex::encode(ours.as_bytes()), &hex::encode(other.as_bytes()));
    let mismatch = Keystore::decrypt(&relabelled, "hunter2hunter2").err().unwrap();
    check(&mismatch, &["hunter2", "5f1e0000", "deadbeef"]);
}

#[test]
fn seal_errors_name_neither_salt_nor_words() {
    let binding = VaultBinding { chain_id: ChainId::new(1), rollup: RollupAdmin::new(Address::ZERO) };
    let salt = |text: &str| Salt::from_bytes(Zeroizing::new(text.as_bytes().to_vec())).unwrap();
    let mnemonic = Mnemonic::generate(&mut rand::rng());
    let cost = KdfCost::new(2, 1, 1).unwrap();
    let sealed =
        SealedMnemonic::seal(&mnemonic, &salt("correct-horse-battery"), binding, cost, &mut rand::rng());
    let error = sealed.open(&salt("incorrect-donkey-staple"), binding).err().unwrap();
    check(&error, &["horse", "donkey", mnemonic.expose_phrase()]);
    check(&Salt::from_bytes(Zeroizing::new(b"short-secret".to_vec())).err().unwrap(), &["short-secret"]);
    assert!(!format!("{sealed:?}").contains(mnemonic.expose_phrase()));
}

#[test]
fn a_refused_phrase_is_not_repeated() {
    let phrase = Zeroizing::new(format!("{}hunter2", "abandon ".repeat(23)));
    check(&Mnemonic::from_phrase(phrase).err().unwrap(), &["abandon", "hunter2"]);
}
