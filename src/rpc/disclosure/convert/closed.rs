//! A disclosure as it is told, and what its closing cannot reach.

use crate::rpc::calendar::wire_date;
use crate::rpc::proto;
use crate::service::DisclosureView;

/// What closing cannot reach: copies of the key file that were made before.
pub(in crate::rpc::disclosure) fn older_copies(view: &DisclosureView) -> String {
    let closed = view.disclosure.closing().map(|closing| closing.closed.at.to_string());
    let since = closed.unwrap_or_else(|| "now".to_owned());
    let shared: Vec<String> = view.shared_with.iter().map(ToString::to_string).collect();
    let shared = match shared.is_empty() {
        true => String::new(),
        false => format!(
            " The same key lives on in {}, by decisions that continue serials: until that is closed \
             too, whoever has it can tell who these serials were.",
            shared.join(", ")
        ),
    };
    format!(
        "copies of the key file from before {since} hold the key that this disclosure's was wrapped \
         under; with a copy of the register plane's store from before then they open it. Delete \
         those copies of the key file, and put the new one in their place; until the last is gone \
         the key is not dead.{shared}"
    )
}

impl From<&DisclosureView> for proto::Disclosure {
    fn from(view: &DisclosureView) -> Self {
        let disclosure = &view.disclosure;
        let opening = disclosure.opening();
        Self {
            id: disclosure.id().to_string(),
            application: disclosure.application().to_string(),
            decision: disclosure.decision(),
            decided: Some((&view.decided).into()),
            recipient_key: opening.recipient_key.to_string(),
            expires: Some(wire_date(opening.expires)),
            state: disclosure.state().to_string(),
            persons: view.persons,
            deliveries: disclosure.deliveries().iter().map(Into::into).collect(),
            history: disclosure.history().changes().iter().map(Into::into).collect(),
            window_until: view.window_until.map(|at| format!("{at:.0}")).unwrap_or_default(),
        }
    }
}
