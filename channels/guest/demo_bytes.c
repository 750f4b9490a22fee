/* demo_bytes.c - the demo guest's echoes and its pulse. */
#include "channels/guest/demo_state.h"

#include <spice/enums.h>

#include <string.h>

struct echo {
	struct demo_echo *state;
	struct demo_pending *pending;
	uint8_t type;
};

static struct echo echo_of(struct guest *guest, uint8_t type)
{
	struct demo *demo = guest->driver;

	if (type == SPICE_CHANNEL_USBREDIR)
		return (struct echo){&demo->core.usb, &demo->usb_pending, type};
	return (struct echo){&demo->core.port, &demo->port_pending, type};
}

void demo_streams_init(struct guest *guest)
{
	struct demo *demo = guest->driver;

	stream_checker_init(&demo->core.port.in, 0);
	stream_checker_init(&demo->core.usb.in, 0);
	demo->core.port.report_due = demo->core.port.stopped = 0;
	demo->core.usb.report_due = demo->core.usb.stopped = 0;
	demo->port_pending = (struct demo_pending){
		.bytes = demo->port_bytes, .room = sizeof(demo->port_bytes)};
	demo->usb_pending = (struct demo_pending){
		.bytes = demo->usb_bytes, .room = sizeof(demo->usb_bytes)};
	demo->core.pulse_sent = demo->core.pulse_goal = 0;
	demo->core.close_left = 0;
}

/* The caller has seen that there is room. */
static void append(struct demo_pending *p, const uint8_t *data, uint32_t len)
{
	ASSERT(len <= p->room - p->len, "pending bytes have room");
	if (p->start + p->len + len > p->room) {
		memmove(p->bytes, p->bytes + p->start, p->len);
		p->start = 0;
	}
	memcpy(p->bytes + p->start + p->len, data, len);
	p->len += len;
}

static void send_pending(struct guest *guest, struct echo *e)
{
	struct demo_pending *p = e->pending;
	uint32_t sent;

	if (p->len == 0)
		return;
	sent = guest_send(guest, e->type, 0, p->bytes + p->start, p->len);
	p->start += sent;
	p->len -= sent;
	if (p->len == 0)
		p->start = 0;
}

/* The counts of all up to CLOSE, behind the echo of it. */
static void send_report(struct guest *guest, struct echo *e)
{
	uint8_t bytes[STREAM_REPORT_BYTES];

	if (!e->state->report_due ||
	    e->pending->room - e->pending->len < sizeof(bytes))
		return;
	stream_write_report(bytes, e->state->in.key, &e->state->in.counts);
	append(e->pending, bytes, sizeof(bytes));
	e->state->report_due = 0;
	send_pending(guest, e);
}

void demo_echo_flush(struct guest *guest, uint8_t type)
{
	struct demo *demo = guest->driver;
	struct echo e = echo_of(guest, type);

	if (demo->paused)
		return;
	send_pending(guest, &e);
	send_report(guest, &e);
	if (e.state->stopped && !e.state->report_due &&
	    e.pending->len <= e.pending->room / 2) {
		e.state->stopped = 0;
		guest_input_ready(guest, type, 0);
	}
}

/* Everything of the pulse so far, and then how much that was. */
static void close_pulse(struct guest *guest)
{
	struct demo *demo = guest->driver;

	if (demo->core.close_left != 0)
		return;
	demo->core.close_left = STREAM_RECORD_BYTES;
	demo->core.close_sent = demo->core.pulse_goal;
	demo_pulse_flush(guest);
}

uint32_t demo_bytes(struct guest *guest, uint8_t type, uint8_t id,
		    const uint8_t *data, uint32_t len)
{
	struct demo *demo = guest->driver;
	struct echo e = echo_of(guest, type);
	uint32_t taken = 0;

	if (type == SPICE_CHANNEL_PORT && id != 0)
		return len; /* the pulse listens to nobody */
	if (demo->paused)
		return 0;
	while (taken < len && !e.state->report_due) {
		uint32_t n =
			min_u32(len - taken, e.pending->room - e.pending->len);

		if (n == 0)
			break;
		append(e.pending, data + taken, n);
		if (stream_check(&e.state->in, data + taken, n, NULL) > 0) {
			e.state->report_due = 1;
			if (type == SPICE_CHANNEL_PORT)
				close_pulse(guest);
		}
		taken += n;
		send_pending(guest, &e);
		send_report(guest, &e);
	}
	/* Something is pending then, and the channel will be writable. */
	if (taken < len)
		e.state->stopped = 1;
	return taken;
}

/* Bytes of the stream up to limit. False when the channel is full. */
static bool send_pulses(struct guest *guest, uint64_t limit)
{
	struct demo *demo = guest->driver;
	uint8_t bytes[16 * STREAM_RECORD_BYTES];

	while (demo->core.pulse_sent < limit) {
		uint32_t n = (uint32_t)min_u64(sizeof(bytes),
					       limit - demo->core.pulse_sent);
		uint32_t sent;

		stream_fill(demo->core.pulse_key, demo->core.pulse_sent, bytes,
			    n);
		sent = guest_send(guest, SPICE_CHANNEL_PORT, 1, bytes, n);
		demo->core.pulse_sent += sent;
		if (sent < n)
			return false;
	}
	return true;
}

void demo_pulse_flush(struct guest *guest)
{
	struct demo *demo = guest->driver;
	uint8_t close[STREAM_RECORD_BYTES];
	uint32_t left = demo->core.close_left;

	if (!(demo->core.up & DEMO_PULSE_UP) || demo->paused)
		return;
	if (left > 0) {
		if (!send_pulses(guest, demo->core.close_sent))
			return;
		stream_write_close(close, demo->core.pulse_key,
				   demo->core.close_sent);
		left -= guest_send(guest, SPICE_CHANNEL_PORT, 1,
				   close + sizeof(close) - left, left);
		demo->core.close_left = (uint8_t)left;
		if (left > 0)
			return;
	}
	send_pulses(guest, demo->core.pulse_goal);
}
