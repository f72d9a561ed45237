//! What a transaction may cost: first offer, raises, ceilings.

use nexus_primitives::{U256, Wei};

use crate::FeeQuote;

/// The most that is paid, in wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeCeilings {
    /// `maxFeePerGas` never exceeds this.
    pub max_fee: Wei,
    /// `maxPriorityFeePerGas` never exceeds this.
    pub max_priority_fee: Wei,
}

/// What a transaction offers, in wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FeeOffer {
    pub(crate) max_fee: Wei,
    pub(crate) priority_fee: Wei,
}

impl FeeCeilings {
    /// Returns the first offer: room for the base fee to double, but no more than half of either ceiling, so that a
    /// transaction that waits can be replaced by ones that offer more. Only a high base fee takes the maximum fee
    /// above its half, with room for one full block (EIP-1559: an eighth). `None` while the base fee is above the
    /// ceiling.
    pub(crate) fn offer(&self, quote: &FeeQuote) -> Option<FeeOffer> {
        if quote.base_fee > self.max_fee {
            return None;
        }
        let (half_fee, half_priority) = (half(self.max_fee), half(self.max_priority_fee));
        let priority_fee = quote.priority_fee.min(half_priority).min(half_fee);
        let with_priority = |base: Wei| Wei::new(base.get().saturating_add(priority_fee.get()));
        let doubled = Wei::new(quote.base_fee.get().saturating_mul(U256::from(2)));
        let modest = half_fee.max(with_priority(an_eighth_more(quote.base_fee)));
        let max_fee = with_priority(doubled).min(modest).min(self.max_fee);
        Some(FeeOffer { max_fee, priority_fee })
    }

    /// Returns an offer that replaces `last`: both parts at least an eighth higher (nodes ask for a tenth), more when
    /// the market asks for more. `None` when a ceiling is in the way.
    pub(crate) fn raise(&self, last: FeeOffer, quote: &FeeQuote) -> Option<FeeOffer> {
        let market = self.offer(quote)?;
        let max_fee = an_eighth_more(last.max_fee).max(market.max_fee);
        let priority_fee = an_eighth_more(last.priority_fee).max(market.priority_fee);
        let allowed =
            max_fee <= self.max_fee && priority_fee <= self.max_priority_fee && priority_fee <= max_fee;
        allowed.then_some(FeeOffer { max_fee, priority_fee })
    }
}

fn half(fee: Wei) -> Wei {
    Wei::new(fee.get() / U256::from(2))
}

/// Rounded up, and by at least one wei.
fn an_eighth_more(fee: Wei) -> Wei {
    let more = fee.get().div_ceil(U256::from(8)).max(U256::from(1));
    Wei::new(fee.get().saturating_add(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gwei(text: &str) -> Wei {
        Wei::from_gwei_text(text).unwrap()
    }

    fn ceilings() -> FeeCeilings {
        FeeCeilings { max_fee: gwei("60"), max_priority_fee: gwei("2") }
    }

    fn quote(base: &str, priority: &str) -> FeeQuote {
        FeeQuote { base_fee: gwei(base), priority_fee: gwei(priority) }
    }

    #[test]
    fn the_first_offer_stays_below_the_ceilings() {
        let offer = ceilings().offer(&quote("10", "1")).unwrap();
        assert_eq!((offer.max_fee, offer.priority_fee), (gwei("21"), gwei("1")));
        let offer = ceilings().offer(&quote("20", "1")).unwrap();
        assert_eq!((offer.max_fee, offer.priority_fee), (gwei("30"), gwei("1")));
        let offer = ceilings().offer(&quote("40", "1")).unwrap();
        assert_eq!((offer.max_fee, offer.priority_fee), (gwei("46"), gwei("1")));
        let offer = ceilings().offer(&quote("59", "5")).unwrap();
        assert_eq!((offer.max_fee, offer.priority_fee), (gwei("60"), gwei("1")));
        assert_eq!(ceilings().offer(&quote("60.000000001", "1")), None);
    }

    #[test]
    fn a_raise_is_at_least_an_eighth_on_both_parts_and_never_above_a_ceiling() {
        let last = FeeOffer { max_fee: gwei("21"), priority_fee: gwei("1") };
        let raised = ceilings().raise(last, &quote("10", "1")).unwrap();
        assert_eq!((raised.max_fee, raised.priority_fee), (gwei("23.625"), gwei("1.125")));
        let follows = ceilings().raise(last, &quote("25", "1")).unwrap();
        assert_eq!(follows.max_fee, gwei("30"));
        let follows = ceilings().raise(last, &quote("48", "1")).unwrap();
        assert_eq!(follows.max_fee, gwei("55"));
        let at_ceiling = FeeOffer { max_fee: gwei("55"), priority_fee: gwei("1") };
        assert_eq!(ceilings().raise(at_ceiling, &quote("10", "1")), None);
        let zero = FeeOffer { max_fee: Wei::ZERO, priority_fee: Wei::ZERO };
        assert!(ceilings().raise(zero, &quote("0", "0")).unwrap().priority_fee > Wei::ZERO);
    }

    #[test]
    fn a_first_offer_below_half_of_the_ceiling_can_be_raised_four_times() {
        let mut checked = 0;
        for (max_fee, max_priority_fee) in
            [("60", "2"), ("60", "60"), ("0.5", "2"), ("1", "0.01"), ("1000", "3")]
        {
            let ceilings = FeeCeilings { max_fee: gwei(max_fee), max_priority_fee: gwei(max_priority_fee) };
            for base_percent in 0..=100_u64 {
                for priority in ["0", "0.001", "0.3", "1", "1.9", "2", "30", "500"] {
                    let base_fee = ceilings.max_fee.get() * U256::from(base_percent) / U256::from(100);
                    let quote = FeeQuote { base_fee: Wei::new(base_fee), priority_fee: gwei(priority) };
                    let mut offer = ceilings.offer(&quote).unwrap();
                    assert!(offer.priority_fee <= offer.max_fee && offer.max_fee >= quote.base_fee);
                    if offer.max_fee > half(ceilings.max_fee) {
                        continue;
                    }
                    for _ in 0..4 {
                        offer = ceilings.raise(offer, &quote).expect("there is room for another raise");
                    }
                    checked += 1;
                }
            }
        }
        assert!(checked > 1_000, "{checked}");
    }
}
