/* vmc.c - bytes between a client and a guest, in both directions. */
#include "channels/vmc.h"
#include "channels/channel_kept.h"
#include "channels/channel_out.h"
#include "channels/guest/guest.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/session_life.h"
#include "channels/spoil.h"
#include "core/plant.h"

#include <spice/enums.h>

#include <errno.h>

/* One DATA message carries at most this much to the client. */
#define VMC_DATA_BYTES ((uint32_t)64 * 1024)

int64_t vmc_piece(struct channel *channel, uint16_t type, const uint8_t *data,
		  uint32_t len)
{
	struct session *session = channel_session(channel);
	struct guest *guest = session_guest(session);

	/* Without the capability there is no COMPRESSED_DATA, and never an
	 * empty DATA. */
	if (type != SPICE_MSGC_SPICEVMC_DATA || !len)
		return -EPROTO;
	if (!guest)
		return len;
	if (guest->state != GUEST_RUNNING)
		return 0;
	guest->now_ns = channel->service->shard->now_ns;
	guest->last_input_ns = guest->now_ns;
	if (plant_is(channel->service->shard->pool, PLANT_cross_streams) &&
	    session->moved && channel->type == SPICE_CHANNEL_USBREDIR)
		return guest->ops->bytes(guest, SPICE_CHANNEL_PORT, 0, data,
					 len);
	return guest->ops->bytes(guest, channel->type, channel->id, data, len);
}

uint32_t guest_send(struct guest *guest, uint8_t type, uint8_t id,
		    const uint8_t *data, uint32_t len)
{
	struct session *session =
		service_session(guest->service, guest->session);
	struct channel *channel =
		session ? session_channel(session, type, id) : NULL;
	uint32_t taken = 0;

	if (!channel)
		return 0;
	while (taken < len && channel_has_room(channel)) {
		struct msg_vmc_data message = {
			.data = {data + taken,
				 min_u32(len - taken, VMC_DATA_BYTES)},
		};

		if (spoil_is_due(guest, channel))
			spoil_send(channel, &message.data);
		else
			channel_send(channel, SPICE_MSG_SPICEVMC_DATA,
				     &message);
		taken += message.data.len;
	}
	return taken;
}

void guest_input_ready(struct guest *guest, uint8_t type, uint8_t id)
{
	struct session *session =
		service_session(guest->service, guest->session);
	struct channel *channel =
		session ? session_channel(session, type, id) : NULL;

	/* While the token is awaited, too: nobody says it a second time. */
	if (channel &&
	    (channel->state == CHANNEL_UP ||
	     channel->state == CHANNEL_AWAITED) &&
	    channel_replay(channel))
		session_close(session, "malformed input");
}
