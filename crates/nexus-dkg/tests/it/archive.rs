//! Keeping documents and finding them again.

use nexus_dkg::{CeremonyArchive, CeremonyDocuments, OutputFolder};
use nexus_primitives::{OwnerNonce, ValidatorPubkey};

use crate::puppets::{Puppets, terms};

fn outputs(nonces: &[u64]) -> Vec<nexus_dkg::CeremonyOutput> {
    let output = |nonce: &u64| {
        let mut terms = terms();
        terms.registration.nonce = OwnerNonce::new(*nonce);
        Puppets::with_terms(4, terms).ceremony(|_, _, _, _| {}).unwrap()
    };
    nonces.iter().map(output).collect()
}

#[tokio::test]
async fn a_validators_documents_are_found_among_others() {
    let dir = tempfile::tempdir().unwrap();
    let folder = OutputFolder::open(dir.path()).unwrap();
    let archive: &dyn CeremonyArchive = &folder;
    archive.store(outputs(&[1])).await.unwrap();
    let stored = archive.store(outputs(&[2, 3])).await.unwrap();
    let wanted = stored.last().unwrap().output();

    let found = archive.fetch(&wanted.pubkey()).await.unwrap().unwrap();

    assert_eq!(found, CeremonyDocuments::from(wanted));
    let checked = found.check().unwrap();
    assert_eq!((&checked.deposit, &checked.keyshares), (wanted.deposit(), wanted.keyshares()));
    assert_eq!(archive.fetch(&ValidatorPubkey::new([7; 48])).await.unwrap(), None);
}

#[tokio::test]
async fn an_archive_that_cannot_be_read_is_an_error_and_not_empty() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("ceremonies");
    let folder = OutputFolder::open(&root).unwrap();
    let stored = CeremonyArchive::store(&folder, outputs(&[1])).await.unwrap();
    let pubkey = stored.first().unwrap().output().pubkey();

    let ceremony = std::fs::read_dir(&root).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(ceremony.join(format!("000001-{pubkey}/proofs.json"))).unwrap();
    let error = folder.fetch(&pubkey).await.unwrap_err();
    assert!(
        error.to_string().ends_with("proofs.json: can't be read: No such file or directory (os error 2)")
    );

    std::fs::remove_dir_all(&root).unwrap();
    let error = folder.fetch(&pubkey).await.unwrap_err();
    assert_eq!(error.to_string(), format!("listing {}", root.display()));
}

#[test]
fn what_is_wrong_with_documents_is_told_with_the_document() {
    let output = outputs(&[1]).remove(0);
    let sound = CeremonyDocuments::from(&output);
    let check = |documents: CeremonyDocuments, expected: &str| {
        assert_eq!(documents.check().unwrap_err().to_string(), expected);
    };
    let cut = CeremonyDocuments { proofs: "[".to_owned(), deposit_data: String::new(), ..sound.clone() };
    check(
        cut,
        "\"deposit_data.json\": EOF while parsing a value at line 1 column 0; \
         \"proofs.json\": EOF while parsing a list at line 1 column 1",
    );
    let none = CeremonyDocuments { deposit_data: "[]".to_owned(), ..sound.clone() };
    check(none, "\"deposit_data.json\": expected 1 entries, got 0");
    let another = CeremonyDocuments::from(&outputs(&[2]).remove(0));
    let mixed = CeremonyDocuments { keyshares: another.keyshares, ..sound };
    let told = mixed.check().unwrap_err().to_string();
    assert!(told.contains("keyshares.json") && told.contains("proofs.json"), "{told}");
}
