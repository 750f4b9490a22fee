/* stream_check.c - counting what came of a position-coded stream. */
#include "channels/guest/stream_record.h"

#include <string.h>

/* How far a seam may slide: a record and what may stand before it. */
#define SLIDE_MAX 31
#define RUN_MAX   ((uint32_t)1 << 30)
/* Counted bytes kept in the window: they may be the head of a record. */
#define KNOWN_MAX (STREAM_RECORD_BYTES - 1)

enum mode { MODE_HUNT, MODE_SYNC, MODE_ALIEN };

enum run_kind { RUN_NONE, RUN_NEW, RUN_LATE, RUN_DUPLICATE, RUN_ALIEN };

/* Notes where the first fault was; later ones are only counted. */
static void fault(struct stream_checker *c, uint64_t position)
{
	if (c->counts.field[STREAM_FAULT_AT] == 0)
		c->counts.field[STREAM_FAULT_AT] = position + 1;
}

static void run_add(struct stream_checker *c, enum run_kind kind, uint64_t n)
{
	if (c->run_kind != kind) {
		c->before = (uint8_t)min_u32(c->run, SLIDE_MAX);
		c->before_kind = c->run_kind;
		c->run = 0;
	}
	c->run_kind = (uint8_t)kind;
	c->run = (uint32_t)min_u64(c->run + n, RUN_MAX);
}

static struct stream_gap *gap_at(struct stream_checker *c, uint64_t position)
{
	int i;

	for (i = 0; i < STREAM_GAPS; i++)
		if (position - c->gap[i].start < c->gap[i].len)
			return &c->gap[i];
	return NULL;
}

/* With no room left the oldest gap stays lost for good. */
static void gap_add(struct stream_checker *c, uint64_t start, uint64_t len)
{
	int i, worst = 0;

	for (i = 0; i < STREAM_GAPS; i++) {
		if (c->gap[i].len != 0 && c->gap[i].start == start + len) {
			c->gap[i].start = start;
			c->gap[i].len += len;
			return;
		}
	}
	for (i = 0; i < STREAM_GAPS; i++) {
		if (c->gap[i].len == 0) {
			worst = i;
			break;
		}
		if (c->gap[i].start < c->gap[worst].start)
			worst = i;
	}
	c->gap[worst] = (struct stream_gap){start, len};
}

static void gap_fill(struct stream_checker *c, struct stream_gap *g,
		     uint64_t start, uint64_t len)
{
	uint64_t behind = g->start + g->len - (start + len);

	g->len = start - g->start;
	if (behind == 0)
		return;
	if (g->len == 0)
		*g = (struct stream_gap){start + len, behind};
	else
		gap_add(c, start + len, behind);
}

/* How many bytes from position on are no gap and below high. */
static uint64_t known_len(const struct stream_checker *c, uint64_t position)
{
	uint64_t end = c->high;
	int i;

	for (i = 0; i < STREAM_GAPS; i++)
		if (c->gap[i].len != 0 && c->gap[i].start > position)
			end = min_u64(end, c->gap[i].start);
	return end - position;
}

/* Counts n bytes that are those of positions next and on. */
static void count_own(struct stream_checker *c, uint64_t n)
{
	uint64_t *field = c->counts.field;

	while (n > 0) {
		struct stream_gap *g;
		uint64_t m = n;

		if (c->next == c->high) {
			field[STREAM_CHECKED] += m;
			c->high += m;
			run_add(c, RUN_NEW, m);
		} else if ((g = gap_at(c, c->next)) != NULL) {
			m = min_u64(n, g->start + g->len - c->next);
			gap_fill(c, g, c->next, m);
			field[STREAM_CHECKED] += m;
			field[STREAM_REORDERED] += m;
			field[STREAM_LOST] -= m;
			run_add(c, RUN_LATE, m);
		} else {
			m = min_u64(n, known_len(c, c->next));
			field[STREAM_DUPLICATED] += m;
			fault(c, c->next);
			run_add(c, RUN_DUPLICATE, m);
		}
		c->next += m;
		n -= m;
	}
}

static void uncount_run(struct stream_checker *c, uint32_t k)
{
	uint64_t *field = c->counts.field;

	c->run -= k;
	switch (c->run_kind) {
	case RUN_NEW:
		field[STREAM_CHECKED] -= k;
		c->high -= k;
		c->next -= k;
		break;
	case RUN_LATE:
		field[STREAM_CHECKED] -= k;
		field[STREAM_REORDERED] -= k;
		field[STREAM_LOST] += k;
		c->next -= k;
		if (k > 0)
			gap_add(c, c->next, k);
		break;
	case RUN_DUPLICATE:
		field[STREAM_DUPLICATED] -= k;
		c->next -= k;
		break;
	case RUN_ALIEN:
		field[STREAM_CROSSED] -= k;
		c->alien -= k;
		break;
	default:
		break;
	}
}

/* Takes back the last k bytes of the run and of the one before it, which it
 * goes on from: they belong to what follows. */
static void uncount(struct stream_checker *c, uint32_t k)
{
	uint32_t n = min_u32(k, c->run);

	uncount_run(c, n);
	if (n == k)
		return;
	c->run = c->before;
	c->run_kind = c->before_kind;
	c->before = 0;
	uncount_run(c, k - n);
}

/* What high would be after that. */
static uint64_t high_without(const struct stream_checker *c, uint32_t k)
{
	uint64_t high = c->high;

	if (c->run_kind == RUN_NEW)
		high -= min_u32(k, c->run);
	if (c->before_kind == RUN_NEW && k > c->run)
		high -= k - c->run;
	return high;
}

/* The byte k places before the end of the run, as it came. */
static uint8_t run_byte(const struct stream_checker *c, uint32_t k)
{
	if (c->run_kind == RUN_ALIEN)
		return stream_data_byte(c->alien_key, c->alien - 1 - k);
	return stream_data_byte(c->key, c->next - 1 - k);
}

/* How many bytes at the run's end could as well stand before position of the
 * stream key. */
static uint32_t seam_len(const struct stream_checker *c, uint32_t key,
			 uint64_t position)
{
	uint32_t k = 0;

	while (k < SLIDE_MAX && k < c->run + c->before && k < position &&
	       run_byte(c, k) == stream_data_byte(key, position - 1 - k))
		k++;
	return k;
}

/* Moves a gap so that it starts at start, if the bytes beside it allow that:
 * which of two equal bytes was skipped cannot be told before one comes late. */
static bool gap_slide(struct stream_checker *c, struct stream_gap *g,
		      uint64_t start)
{
	uint64_t from = start < g->start ? start : g->start;
	uint64_t n = start < g->start ? g->start - start : start - g->start;
	uint64_t i;

	if (g->len == 0 || n > SLIDE_MAX || start + g->len > c->high)
		return false;
	for (i = 0; i < n; i++)
		if (stream_data_byte(c->key, from + i) !=
		    stream_data_byte(c->key, from + i + g->len))
			return false;
	g->start = start;
	return true;
}

/* Chooses how many of the most bytes that fit on both sides of the seam belong
 * to what starts at target. */
static uint32_t seam_choose(struct stream_checker *c, uint64_t target,
			    uint32_t most)
{
	uint32_t k;
	int i;

	for (k = 0; k <= most; k++)
		if (target - k == high_without(c, k))
			return k;
	for (k = 0; k <= most; k++)
		for (i = 0; i < STREAM_GAPS; i++)
			if (gap_slide(c, &c->gap[i], target - k))
				return k;
	return 0;
}

/* Back from another stream: own bytes at the seam on its far side may have
 * been taken for the other's, and the other way round on the near side. */
static uint32_t alien_choose(struct stream_checker *c, uint64_t target,
			     uint32_t most)
{
	uint32_t d, k;

	for (k = 0; k <= most; k++) {
		for (d = 0; d <= c->slack; d++) {
			if (target - k + d != c->next)
				continue;
			c->counts.field[STREAM_CHECKED] -= d;
			c->counts.field[STREAM_CROSSED] += d;
			c->high -= d;
			c->next -= d;
			return k;
		}
	}
	/* Bytes that could be of both are rather our own. */
	return target - most > c->high ? most : seam_choose(c, target, most);
}

/* The run ends, and what starts at position target follows. */
static void jump(struct stream_checker *c, uint64_t target)
{
	if (target > c->high) {
		fault(c, c->high);
		c->counts.field[STREAM_LOST] += target - c->high;
		gap_add(c, c->high, target - c->high);
		c->high = target;
	}
	c->next = target;
	c->run = 0;
	c->run_kind = RUN_NONE;
	c->before = 0;
	c->before_kind = RUN_NONE;
	c->slack = 0;
}

static void count_corrupt(struct stream_checker *c, uint64_t n)
{
	if (n == 0)
		return;
	fault(c, c->next);
	c->counts.field[STREAM_CORRUPT] += n;
}

/*
 * The window holds, at offset, what stands at position of a stream. Returns
 * the position of the first byte that is not counted yet, or rather of the
 * first that fits; *garbage is how many do not, before it.
 */
static uint64_t fit(const struct stream_checker *c, uint32_t key,
		    uint32_t offset, uint64_t position, uint32_t *garbage)
{
	*garbage = 0;
	if (offset <= c->known)
		return position + (c->known - offset);
	while (offset > c->known && position > 0 &&
	       c->window[offset - 1] == stream_data_byte(key, position - 1)) {
		offset--;
		position--;
	}
	*garbage = offset - c->known;
	return position;
}

/* What stands at offset settles all of the window. end: the position behind
 * the window's last byte. */
static void settle_own(struct stream_checker *c, uint32_t offset,
		       uint64_t position, uint64_t end)
{
	uint32_t garbage, k;
	uint64_t target = fit(c, c->key, offset, position, &garbage);
	uint64_t again = c->next > target ? c->next - target : 0;

	if (garbage > 0) {
		count_corrupt(c, garbage);
		/* Garbage that looked like the next bytes. */
		if (again <= KNOWN_MAX && c->run_kind == RUN_NEW &&
		    again <= c->run && again > 0) {
			uncount(c, (uint32_t)again);
			count_corrupt(c, again);
		}
	} else {
		k = seam_len(c, c->key, target);
		if (c->run_kind == RUN_ALIEN)
			k = alien_choose(c, target, k);
		else
			k = seam_choose(c, target, k);
		uncount(c, k);
		target -= k;
	}
	jump(c, target);
	count_own(c, end - target);
}

static void settle_alien(struct stream_checker *c, uint32_t offset,
			 uint32_t key, uint64_t position)
{
	uint32_t garbage;
	uint64_t target = fit(c, key, offset, position, &garbage);
	uint64_t n = position + STREAM_RECORD_BYTES - target;

	if (c->run_kind != RUN_ALIEN) {
		c->slack = 0;
		if (garbage == 0 && c->run_kind == RUN_NEW)
			c->slack = (uint8_t)seam_len(c, key, target);
	}
	count_corrupt(c, garbage);
	fault(c, c->next);
	c->counts.field[STREAM_CROSSED] += n;
	c->alien_key = key;
	c->alien = position + STREAM_RECORD_BYTES;
	c->run_kind = RUN_ALIEN;
	c->run = (uint32_t)n;
	c->before = 0;
	c->mode = MODE_ALIEN;
}

/* The bytes from offset on are no stream's: nothing of them is counted. */
static void disown(struct stream_checker *c, uint32_t offset)
{
	if (offset >= c->known)
		return;
	uncount(c, c->known - offset);
	c->known = (uint8_t)offset;
}

/* A control record that has no position: what stood before it is garbage. */
static void settle_control(struct stream_checker *c, uint32_t offset)
{
	disown(c, offset);
	count_corrupt(c, offset - c->known);
	jump(c, c->next);
	c->mode = c->key != 0 ? MODE_SYNC : MODE_HUNT;
}

static void settle_close(struct stream_checker *c, uint32_t offset,
			 uint64_t sent)
{
	bool again = c->closes > 0 && c->counts.field[STREAM_SENT] == sent &&
		     c->high == sent;

	disown(c, offset);
	settle_own(c, offset, sent, sent);
	c->mode = MODE_SYNC;
	if (again)
		c->counts.field[STREAM_DUPLICATED] += STREAM_RECORD_BYTES;
	c->counts.field[STREAM_SENT] = sent;
	if (c->closes < UINT8_MAX)
		c->closes++;
}

/* A whole record stands at the end of the window. Returns CLOSE seen. */
static uint32_t settle(struct stream_checker *c, const struct stream_record *r,
		       struct stream_report *report)
{
	uint32_t offset = c->window_len - (uint32_t)STREAM_RECORD_BYTES;
	uint64_t position = r->value * STREAM_RECORD_BYTES;
	uint32_t closes = 0;

	if (c->key == 0)
		c->key = r->key;
	if (r->key != c->key) {
		if (r->tag == TAG_DATA) {
			settle_alien(c, offset, r->key, position);
		} else {
			settle_control(c, offset);
			fault(c, c->next);
			c->counts.field[STREAM_CROSSED] += STREAM_RECORD_BYTES;
		}
	} else if (r->tag == TAG_DATA) {
		settle_own(c, offset, position, position + STREAM_RECORD_BYTES);
		c->mode = MODE_SYNC;
	} else if (r->tag == TAG_CLOSE) {
		settle_close(c, offset, r->value);
		closes = 1;
	} else {
		settle_control(c, offset);
		if (report != NULL) {
			report->counts.field[r->field] = r->value;
			report->have |= 1u << r->field;
		}
	}
	c->window_len = 0;
	c->known = 0;
	return closes;
}

/* The next byte does not fit: look for a record, from the last ones on. */
static void hunt_start(struct stream_checker *c)
{
	uint32_t i;

	c->mode = MODE_HUNT;
	c->known = (uint8_t)min_u32(KNOWN_MAX, c->run);
	c->window_len = c->known;
	for (i = 0; i < c->known; i++)
		c->window[c->known - 1 - i] = run_byte(c, i);
}

static uint32_t hunt_byte(struct stream_checker *c, uint8_t byte,
			  struct stream_report *report)
{
	struct stream_record r;

	if (c->window_len == STREAM_WINDOW_BYTES) {
		if (c->known > 0)
			c->known--;
		else
			count_corrupt(c, 1);
		memmove(c->window, c->window + 1, STREAM_WINDOW_BYTES - 1);
		c->window_len--;
	}
	c->window[c->window_len++] = byte;
	if (c->window_len < STREAM_RECORD_BYTES)
		return 0;
	if (!stream_record_read(c->window + c->window_len - STREAM_RECORD_BYTES,
				&r))
		return 0;
	return settle(c, &r, report);
}

/* How many of the bytes are those of the stream key from position on. */
static size_t match_len(uint32_t key, uint64_t position, const uint8_t *bytes,
			size_t len)
{
	uint8_t b[STREAM_RECORD_BYTES];
	size_t done = 0;

	while (done < len) {
		size_t skip = (position + done) % STREAM_RECORD_BYTES;
		size_t n = STREAM_RECORD_BYTES - skip;

		if (n > len - done)
			n = len - done;
		stream_data_write(b, key, position + done);
		if (memcmp(b + skip, bytes + done, n) != 0) {
			while (b[skip] == bytes[done]) {
				skip++;
				done++;
			}
			return done;
		}
		done += n;
	}
	return done;
}

void stream_checker_init(struct stream_checker *checker, uint32_t key)
{
	memset(checker, 0, sizeof(*checker));
	checker->key = key;
	checker->mode = key != 0 ? MODE_SYNC : MODE_HUNT;
}

uint32_t stream_check(struct stream_checker *c, const uint8_t *bytes,
		      size_t len, struct stream_report *report)
{
	uint32_t closes = 0;
	size_t n;

	while (len > 0) {
		n = 0;
		if (c->mode == MODE_SYNC) {
			n = match_len(c->key, c->next, bytes, len);
			count_own(c, n);
		} else if (c->mode == MODE_ALIEN) {
			n = match_len(c->alien_key, c->alien, bytes, len);
			c->counts.field[STREAM_CROSSED] += n;
			c->alien += n;
			run_add(c, RUN_ALIEN, n);
		}
		bytes += n;
		len -= n;
		if (len == 0)
			break;
		if (c->mode != MODE_HUNT)
			hunt_start(c);
		closes += hunt_byte(c, *bytes, report);
		bytes++;
		len--;
	}
	return closes;
}

bool stream_checker_valid(const struct stream_checker *c)
{
	int i;

	if (c->mode > MODE_ALIEN || c->run_kind > RUN_ALIEN ||
	    c->run > RUN_MAX || c->before_kind > RUN_DUPLICATE ||
	    c->before > SLIDE_MAX || c->before > c->next ||
	    c->slack > SLIDE_MAX || c->slack > c->next ||
	    c->window_len > STREAM_WINDOW_BYTES || c->known > c->window_len ||
	    c->known > KNOWN_MAX || c->known > c->run || c->next > c->high ||
	    (c->mode != MODE_HUNT && c->key == 0))
		return false;
	if (c->run >
	    (c->run_kind == RUN_ALIEN ? c->alien : c->next - c->before))
		return false;
	for (i = 0; i < STREAM_GAPS; i++)
		if (c->gap[i].len > c->high ||
		    c->gap[i].start > c->high - c->gap[i].len)
			return false;
	return true;
}
