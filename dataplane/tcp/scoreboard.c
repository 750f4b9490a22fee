/* scoreboard.c - what a peer holds beyond the cumulative ACK (RFC 6675). */
#include "dataplane/tcp/scoreboard.h"

#include <string.h>

/* Puts a range in place of the ranges first up to, not including, last. */
static bool replace(struct tcp_scoreboard *board, uint32_t first, uint32_t last,
		    struct tcp_range range)
{
	uint32_t count = board->count + 1 - (last - first);

	if (count > TCP_SACKED_MAX)
		return false;
	memmove(&board->ranges[first + 1], &board->ranges[last],
		(board->count - last) * sizeof(board->ranges[0]));
	board->ranges[first] = range;
	board->count = count;
	return true;
}

uint32_t tcp_sacked_add(struct tcp_scoreboard *board, struct tcp_range range)
{
	struct tcp_range whole = range;
	uint32_t known = 0;
	uint32_t first = 0;
	uint32_t last;

	while (first < board->count &&
	       seq_before(board->ranges[first].end, range.start))
		first++;
	for (last = first; last < board->count &&
			   !seq_after(board->ranges[last].start, range.end);
	     last++) {
		struct tcp_range *old = &board->ranges[last];
		uint32_t start = seq_max(old->start, range.start);
		uint32_t end = seq_min(old->end, range.end);

		known += end - start;
		whole.start = seq_min(whole.start, old->start);
		whole.end = seq_max(whole.end, old->end);
	}
	if (!replace(board, first, last, whole))
		return 0;
	return range.end - range.start - known;
}

void tcp_sacked_trim(struct tcp_scoreboard *board, uint32_t una)
{
	uint32_t gone = 0;

	while (gone < board->count && !seq_after(board->ranges[gone].end, una))
		gone++;
	board->count -= gone;
	memmove(board->ranges, board->ranges + gone,
		board->count * sizeof(board->ranges[0]));
	if (board->count && seq_before(board->ranges[0].start, una))
		board->ranges[0].start = una;
}

uint32_t tcp_sacked_below(const struct tcp_scoreboard *board, uint32_t seq)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < board->count; i++) {
		const struct tcp_range *range = &board->ranges[i];

		if (!seq_before(range->start, seq))
			break;
		bytes += seq_min(range->end, seq) - range->start;
	}
	return bytes;
}

/* Whether what stands in the ranges from first on says that less is lost. */
static bool lost_below(uint32_t bytes_above, uint32_t ranges_above,
		       uint32_t mss)
{
	return ranges_above >= TCP_DUP_THRESH ||
	       bytes_above > (TCP_DUP_THRESH - 1) * mss;
}

bool tcp_sacked_lost(const struct tcp_scoreboard *board, uint32_t seq,
		     uint32_t mss)
{
	uint32_t bytes = 0;
	uint32_t ranges = 0;

	for (uint32_t i = board->count; i-- > 0;) {
		if (seq_before(board->ranges[i].start, seq))
			break;
		bytes += board->ranges[i].end - board->ranges[i].start;
		ranges++;
	}
	return lost_below(bytes, ranges, mss);
}

/* What of a hole was sent again: the part below rexmit. */
static uint32_t resent(uint32_t start, uint32_t end, uint32_t rexmit)
{
	return seq_before(start, rexmit) ? seq_min(end, rexmit) - start : 0;
}

uint32_t tcp_sacked_pipe(const struct tcp_scoreboard *board, uint32_t una,
			 uint32_t nxt, uint32_t rexmit, uint32_t mss)
{
	uint32_t above_bytes = 0;
	uint32_t above_ranges = 0;
	uint32_t end = nxt;
	uint32_t pipe = 0;

	/* From the top down, hole by hole; the lowest starts at una. */
	for (uint32_t i = board->count; i-- > 0;) {
		const struct tcp_range *range = &board->ranges[i];

		if (!lost_below(above_bytes, above_ranges, mss))
			pipe += end - range->end;
		pipe += resent(range->end, end, rexmit);
		above_bytes += range->end - range->start;
		above_ranges++;
		end = range->start;
	}
	if (!lost_below(above_bytes, above_ranges, mss))
		pipe += end - una;
	return pipe + resent(una, end, rexmit);
}

bool tcp_sacked_hole(const struct tcp_scoreboard *board, uint32_t seq,
		     struct tcp_range *hole)
{
	for (uint32_t i = 0; i < board->count; i++) {
		const struct tcp_range *range = &board->ranges[i];

		if (seq_before(seq, range->start)) {
			*hole = (struct tcp_range){seq, range->start};
			return true;
		}
		seq = seq_max(seq, range->end);
	}
	return false;
}

bool tcp_sacked_check(const struct tcp_scoreboard *board, uint32_t una,
		      uint32_t nxt)
{
	uint32_t end = una;

	if (board->count > TCP_SACKED_MAX)
		return false;
	for (uint32_t i = 0; i < board->count; i++) {
		const struct tcp_range *range = &board->ranges[i];

		/* The first may start at una: the peer is odd, not we. */
		if (seq_before(range->start, end + (i != 0)) ||
		    !seq_after(range->end, range->start) ||
		    seq_after(range->end, nxt))
			return false;
		end = range->end;
	}
	return true;
}
