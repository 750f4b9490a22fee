/* control_resolve.c - an operator's word on a move in doubt. */
#include "core/control_resolve.h"
#include "core/control_answer.h"
#include "core/control_ask.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct op_move_decide) <= CONTROL_ORDER_BYTES,
	       "an order has room for a verdict");

/* What a verdict does, and when it is wrong. */
struct meaning {
	const char *effect;
	const char *risk;
};

static const struct meaning *meaning_of(bool is_source, bool committed)
{
	static const struct meaning given_away = {
		"this host asks no more and counts the guest as the peer's",
		"if the peer lost it, the guest is nobody's: it is gone",
	};
	static const struct meaning taken = {
		"the guest runs here from now on",
		"if the source did not commit and runs on, the guest runs "
		"twice",
	};
	static const struct meaning forgotten = {
		"what has come of the guest is thrown away",
		"if the source did commit, the guest is lost",
	};

	if (is_source)
		return &given_away;
	return committed ? &taken : &forgotten;
}

static void decided(struct control *control, struct control_ask *ask,
		    const struct op_move_decide *decide)
{
	const struct op_move_heard *heard = &ask->heard;
	const struct meaning *meaning =
		meaning_of(heard->is_source, decide->committed);

	control_return(
		control, &ask->caller,
		json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:b}", "guest",
			  decide->guest, "role",
			  heard->is_source ? "source" : "destination", "peer",
			  heard->is_source ? json_string(heard->peer)
					   : json_null(),
			  "node",
			  heard->is_source ? json_null()
					   : json_integer(heard->node),
			  "verdict",
			  decide->committed ? "committed" : "not-committed",
			  "effect", meaning->effect, "risk", meaning->risk,
			  "decided", (int)!decide->dry_run));
}

static void end_resolve(struct control *control, struct control_ask *ask)
{
	struct op_move_decide decide;

	memcpy(&decide, ask->order, sizeof(decide));
	switch ((enum move_heard)ask->heard.heard) {
	case HEARD_DONE:
		decided(control, ask, &decide);
		break;
	case HEARD_WAS_OURS:
		control_error(control, &ask->caller, "WasCommitted",
			      "this host has committed %s to %s: it cannot "
			      "have been otherwise",
			      decide.guest, ask->heard.peer);
		break;
	case HEARD_PEER_IS_UP:
		control_error(control, &ask->caller, "PeerIsUp",
			      "the other end of the move of %s is connected "
			      "and will say",
			      decide.guest);
		break;
	case HEARD_NO_DOUBT:
		control_error(control, &ask->caller, "NotInDoubt",
			      "a move of %s is under way and not in doubt",
			      decide.guest);
		break;
	default:
		control_error(control, &ask->caller, "NotFound",
			      "no move of %s is in doubt here", decide.guest);
		break;
	}
}

void control_resolve(struct control *control, struct control_call *call)
{
	const char *guest = control_text(call->arguments, "guest");
	const char *verdict = control_text(call->arguments, "verdict");
	bool committed = !strcmp(verdict, "committed");
	struct op_move_decide decide = {
		.committed = committed,
		.dry_run = control_flag(call->arguments, "dry-run", false),
	};
	struct control_ask ask = {
		.op = OP_MOVE_DECIDE,
		.order_bytes = sizeof(decide),
		.end = end_resolve,
	};

	if (!committed && strcmp(verdict, "not-committed") != 0) {
		control_error(control, call->caller, "InvalidArgument",
			      "expected a verdict of committed, "
			      "not-committed");
		return;
	}
	snprintf(decide.guest, sizeof(decide.guest), "%s", guest);
	memcpy(ask.order, &decide, sizeof(decide));
	control_ask_start(control, call, &ask);
}
