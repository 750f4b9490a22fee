/* tcp_watch.c - watches what our TCP says on the cable, and how it behaves. */
#include "tests/sim/tcp_watch.h"

#include <string.h>

/* Timers are late by less. */
#define LATE_NS (50 * NS_PER_MS)

static void broken(struct tcp_watch *watch, const struct watch_conn *conn,
		   const char *rule)
{
	if (watch->broken)
		return;
	watch->broken = rule;
	watch->broken_port = conn ? conn->port : 0;
}

static struct watch_conn *find(struct tcp_watch *watch, uint16_t port)
{
	for (uint32_t i = 0; i < watch->conn_count; i++) {
		if (watch->conn[i].port == port)
			return &watch->conn[i];
	}
	return NULL;
}

static uint32_t later(uint32_t a, uint32_t b)
{
	return seen_before(a, b) ? b : a;
}

/* Both ends must have offered scaling for either to use it. */
static uint32_t scale_of(const struct watch_conn *conn, uint8_t scale)
{
	bool both = conn->own_scale != 0xff && conn->peer_scale != 0xff;

	return both ? scale : 0;
}

/* What is in front moves got on. */
static void ranges_settle(struct watch_conn *conn)
{
	uint32_t gone = 0;

	while (gone < conn->range_count &&
	       !seen_before(conn->got, conn->range[gone].start)) {
		conn->got = later(conn->got, conn->range[gone].end);
		gone++;
	}
	conn->range_count -= gone;
	memmove(conn->range, conn->range + gone,
		conn->range_count * sizeof(conn->range[0]));
	if (conn->fin_in && conn->got == conn->fin_seq)
		conn->got++;
}

static void ranges_add(struct watch_conn *conn, uint32_t start, uint32_t end)
{
	struct watch_range *range = conn->range;
	uint32_t first = 0;
	uint32_t last;

	while (first < conn->range_count &&
	       seen_before(range[first].end, start))
		first++;
	for (last = first;
	     last < conn->range_count && !seen_before(end, range[last].start);
	     last++) {
		start = seen_before(range[last].start, start)
				? range[last].start
				: start;
		end = later(end, range[last].end);
	}
	if (first == last && conn->range_count == WATCH_RANGES) {
		conn->lost_count = true;
		return;
	}
	memmove(&range[first + 1], &range[last],
		(conn->range_count - last) * sizeof(*range));
	range[first] = (struct watch_range){start, end};
	conn->range_count += 1 - (last - first);
}

static void syn_arrives(struct watch_conn *conn, const struct tcp_seen *seen)
{
	conn->syn_in = true;
	conn->irs = seen->seq;
	conn->got = seen->seq + 1;
	conn->peer_scale = seen->scale;
	conn->peer_sack = seen->sack_ok;
	conn->syn_window = seen->window;
}

static void ack_arrives(struct watch_conn *conn, const struct tcp_seen *seen)
{
	uint32_t scale = scale_of(conn, conn->peer_scale);
	uint32_t window = seen->window;

	/* Nobody's: it acknowledges what was never sent. */
	if (!conn->syn_out || seen_before(conn->snd_max, seen->ack))
		return;
	if (!(seen->flags & SEGMENT_SYN))
		window <<= scale;
	if (seen_before(conn->snd_una, seen->ack))
		conn->snd_una = seen->ack;
	conn->peer_edge = later(conn->peer_edge, seen->ack + window);
}

/* A FIN, or what comes when there was one. */
static void fin_arrives(struct watch_conn *conn, const struct tcp_seen *seen)
{
	uint32_t end = seen->seq + seen->len;
	bool fin = seen->flags & SEGMENT_FIN;

	if (conn->fin_in && ((seen->len && seen_before(conn->fin_seq, end)) ||
			     (fin && end != conn->fin_seq)))
		conn->fin_lies = true;
	if (!conn->fin_in)
		conn->fin_seq = end;
	conn->fin_in = true;
}

void watch_in(struct tcp_watch *watch, uint64_t now_ns, const uint8_t *frame,
	      uint32_t len)
{
	struct tcp_seen *seen = &watch->now_in;
	struct watch_conn *conn = NULL;

	(void)now_ns;
	watch->now_conn = NULL;
	watch->answered = false;
	if (tcp_see(frame, len, seen) == LOOK_TCP)
		conn = find(watch, seen->target_port);
	if (!conn || conn->reborn)
		return;
	watch->now_conn = conn;
	conn->again_count = 0;
	if (seen->flags & SEGMENT_RST)
		return;
	if ((seen->flags & SEGMENT_SYN) && !conn->syn_in)
		syn_arrives(conn, seen);
	if (!conn->syn_in)
		return;
	if (seen->flags & SEGMENT_ACK)
		ack_arrives(conn, seen);
	if (conn->fin_in || (seen->flags & SEGMENT_FIN))
		fin_arrives(conn, seen);
	if (seen->len && seen_before(conn->got, seen->seq + seen->len)) {
		if (conn->fin_out_ns)
			conn->bytes_after_fin += seen->len;
		ranges_add(conn, seen->seq, seen->seq + seen->len);
	}
	ranges_settle(conn);
}

static void check_acks(struct tcp_watch *watch, struct watch_conn *conn,
		       const struct tcp_seen *seen)
{
	if (seen_before(conn->got, seen->ack))
		broken(watch, conn, "truth: what has not come is acknowledged");
	if (conn->acked_known && seen_before(seen->ack, conn->acked))
		broken(watch, conn, "truth: an ACK goes back");
	if (conn->acked != seen->ack)
		conn->debt_ns = 0;
	conn->acked_known = true;
	conn->acked = seen->ack;
}

static void check_window(struct tcp_watch *watch, struct watch_conn *conn,
			 const struct tcp_seen *seen)
{
	bool syn = seen->flags & SEGMENT_SYN;
	uint32_t scale = syn ? 0 : scale_of(conn, conn->own_scale);
	uint32_t unit = (uint32_t)1 << scale;
	uint32_t edge = seen->ack + (seen->window << scale);
	uint32_t most = conn->irs + 1 + (uint32_t)conn->recycled +
			watch->room_max +
			(conn->fin_in && seen_before(conn->fin_seq, conn->got));

	if (conn->edge_known && seen_before(edge + unit - 1, conn->edge))
		broken(watch, conn, "edge: the window shrinks");
	if (seen_before(most, edge))
		broken(watch, conn, "room: more is offered than there is");
	conn->edge = conn->edge_known ? later(conn->edge, edge) : edge;
	conn->edge_known = true;
}

/* Whether one range of what has come, or all up to got, holds it. */
static bool has_come(const struct watch_conn *conn, uint32_t start,
		     uint32_t end)
{
	if (conn->lost_count || !seen_before(conn->got, end))
		return true;
	for (uint32_t i = 0; i < conn->range_count; i++) {
		if (!seen_before(start, conn->range[i].start) &&
		    !seen_before(conn->range[i].end, end))
			return true;
	}
	return false;
}

static void check_sacks(struct tcp_watch *watch, struct watch_conn *conn,
			const struct tcp_seen *seen)
{
	for (uint32_t i = 0; i < seen->sack_count; i++) {
		uint32_t start = seen->sack[i][0];
		uint32_t end = seen->sack[i][1];

		if (!seen_before(start, end) ||
		    !seen_before(seen->ack, start) ||
		    !has_come(conn, start, end))
			broken(watch, conn,
			       "sack-truth: a block of what has not come");
		if (!conn->own_sack || !conn->peer_sack)
			broken(watch, conn, "sack-truth: it was not agreed on");
	}
}

static void check_patience(struct tcp_watch *watch, struct watch_conn *conn,
			   uint64_t now_ns)
{
	uint64_t gap_ns = now_ns - conn->again_ns;
	uint64_t most_ns = watch->rto_max_ms * NS_PER_MS - LATE_NS;

	if (++conn->again_count > 2 && gap_ns < most_ns &&
	    gap_ns < conn->again_gap_ns / 2 * 3)
		broken(watch, conn, "patience: it repeats as often as before");
	conn->again_gap_ns = gap_ns;
	conn->again_ns = now_ns;
}

static void check_heard(struct tcp_watch *watch, struct watch_conn *conn,
			const struct tcp_seen *seen)
{
	if (conn->told_timeouts != watch->timeouts)
		conn->told_count = 0;
	for (uint32_t i = 0; i < conn->told_count; i++) {
		if (!seen_before(seen->seq, conn->told[i].start) &&
		    !seen_before(conn->told[i].end, seen->seq + seen->len))
			broken(watch, conn,
			       "sack-heard: what the peer has goes again");
	}
}

static void check_data(struct tcp_watch *watch, struct watch_conn *conn,
		       const struct tcp_seen *seen, uint64_t now_ns)
{
	uint32_t end = seen->seq + tcp_seen_length(seen);
	uint32_t edge =
		later(conn->peer_edge, conn->iss + 1 + conn->syn_window);

	if (conn->syn_in && !(seen->flags & SEGMENT_SYN) &&
	    seen_before(edge + 1, end))
		broken(watch, conn, "window: more is sent than may be");
	if (seen_before(seen->seq, conn->snd_max) && seen->seq == conn->snd_una)
		check_patience(watch, conn, now_ns);
	if (seen_before(seen->seq, conn->snd_max) && seen->len)
		check_heard(watch, conn, seen);
	conn->snd_max = later(conn->snd_max, end);
	if ((seen->flags & SEGMENT_FIN) && !conn->fin_out_ns) {
		conn->fin_out_ns = now_ns;
		conn->fin_out_seq = end - 1;
	}
	if (conn->fin_out_ns &&
	    (seen_before(conn->fin_out_seq, seen->seq + seen->len) ||
	     ((seen->flags & SEGMENT_FIN) && end - 1 != conn->fin_out_seq)))
		broken(watch, conn, "fin: it is not where it was");
}

void watch_out(struct tcp_watch *watch, uint64_t now_ns, const uint8_t *frame,
	       uint32_t len)
{
	struct tcp_seen seen;
	enum tcp_look look = tcp_see(frame, len, &seen);
	struct watch_conn *conn;

	watch->frames++;
	if (look == LOOK_BAD)
		broken(watch, NULL, "sound: a frame of ours is not");
	if (look != LOOK_TCP || (seen.flags & SEGMENT_RST))
		return;
	conn = find(watch, seen.source_port);
	if (!conn)
		return;
	/* An old SYN has opened another one at a listener: not our matter. */
	conn->reborn |= (seen.flags & SEGMENT_SYN) && conn->syn_out &&
			seen.seq != conn->iss;
	if (conn->reborn || conn->fin_lies)
		return;
	if (seen.flags & SEGMENT_SYN) {
		if (!conn->syn_out)
			conn->snd_una = conn->snd_max = conn->peer_edge =
				seen.seq;
		conn->syn_out = true;
		conn->iss = seen.seq;
		conn->own_scale = seen.scale;
		conn->own_sack = seen.sack_ok;
	}
	if (seen.ts && !conn->ts_known) {
		conn->ts_known = true;
		conn->ts_first = seen.ts_value;
	}
	conn->ts_wrapped |= seen.ts && seen.ts_value < conn->ts_first;
	if (seen.flags & SEGMENT_ACK) {
		check_acks(watch, conn, &seen);
		check_window(watch, conn, &seen);
		check_sacks(watch, conn, &seen);
	}
	if (tcp_seen_length(&seen))
		check_data(watch, conn, &seen, now_ns);
	if (conn == watch->now_conn) {
		watch->answer = seen;
		watch->answered = true;
	}
}

static void told_note(struct tcp_watch *watch, struct watch_conn *conn,
		      const struct tcp_seen *seen)
{
	if (conn->told_timeouts != watch->timeouts)
		conn->told_count = 0;
	conn->told_timeouts = watch->timeouts;
	if (seen_before(seen->ack, conn->snd_una))
		return;
	for (uint32_t i = 0; i < seen->sack_count; i++) {
		struct watch_range block = {seen->sack[i][0], seen->sack[i][1]};
		bool wrong = seen_before(block.start, conn->snd_una) ||
			     seen_before(conn->snd_max, block.end);

		if (wrong || !seen_before(block.start, block.end))
			continue;
		/* More than a scoreboard holds: the oldest are forgotten. */
		if (conn->told_count == WATCH_TOLD / 2)
			conn->told_count = 0;
		conn->told[conn->told_count++] = block;
	}
}

void watch_taken(struct tcp_watch *watch, bool kept, uint32_t ranges)
{
	struct watch_conn *conn = watch->now_conn;
	const struct tcp_seen *in = &watch->now_in;
	const struct tcp_seen *out = &watch->answer;
	uint32_t fit = out->ts ? 3 : 4;
	uint32_t end = in->seq + in->len;

	if (!conn || !conn->own_sack || !conn->peer_sack)
		return;
	told_note(watch, conn, in);
	if (!kept || !watch->answered || out->len)
		return;
	/* What is beyond the window is cut off. */
	if (seen_before(conn->edge, end))
		end = conn->edge;
	if (out->sack_count < (ranges < fit ? ranges : fit))
		broken(watch, conn, "sack-news: a block is missing");
	else if (seen_before(in->seq, out->sack[0][0]) ||
		 seen_before(out->sack[0][1], end))
		broken(watch, conn, "sack-news: the latest is not in front");
}

void watch_recycled(struct tcp_watch *watch, uint32_t conn, uint32_t len)
{
	watch->conn[conn].recycled += len;
}

void watch_moved(struct tcp_watch *watch, uint32_t conn)
{
	watch->conn[conn].told_count = 0;
	watch->conn[conn].again_count = 0;
	watch->conn[conn].debt_ns = 0;
}

void watch_debt(struct tcp_watch *watch, uint32_t index, uint64_t now_ns,
		uint32_t rcv_nxt)
{
	struct watch_conn *conn = &watch->conn[index];

	if (!conn->acked_known || conn->fin_lies ||
	    !seen_before(conn->acked, rcv_nxt)) {
		conn->debt_ns = 0;
		return;
	}
	if (!conn->debt_ns)
		conn->debt_ns = now_ns;
	if (now_ns - conn->debt_ns > watch->debt_max_ms * NS_PER_MS)
		broken(watch, conn, "debt: what was taken in is not told");
}
