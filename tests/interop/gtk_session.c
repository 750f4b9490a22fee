/* gtk_session.c - the real client's session and its channels. */
#include "tests/interop/gtk_client.h"

#include <gio/gunixsocketaddress.h>
#include <unistd.h>

static const char *event_name(SpiceChannelEvent event)
{
	switch (event) {
	case SPICE_CHANNEL_CLOSED:
		return "closed";
	case SPICE_CHANNEL_ERROR_CONNECT:
		return "connect error";
	case SPICE_CHANNEL_ERROR_TLS:
		return "TLS error";
	case SPICE_CHANNEL_ERROR_LINK:
		return "link error";
	case SPICE_CHANNEL_ERROR_AUTH:
		return "authentication error";
	case SPICE_CHANNEL_ERROR_IO:
		return "I/O error";
	default:
		return "event";
	}
}

static void channel_event(SpiceChannel *channel, SpiceChannelEvent event,
			  gpointer user)
{
	struct client *client = user;
	int type = 0, id = 0;

	if (event == SPICE_CHANNEL_OPENED) {
		client->open++;
		return;
	}
	if (event == SPICE_CHANNEL_SWITCHING || client->quitting)
		return;
	g_object_get(channel, "channel-type", &type, "channel-id", &id, NULL);
	if (client->moving && client->switching &&
	    event == SPICE_CHANNEL_CLOSED)
		return;
	client_error(client, "channel %s %d: %s",
		     spice_channel_type_to_string(type), id, event_name(event));
	if (channel == client->main) {
		client->ended = true;
		g_main_loop_quit(client->loop);
	}
}

/* As an application does that has its connections from elsewhere. */
static void open_fd(SpiceChannel *channel, int with_tls, gpointer user)
{
	struct client *client = user;
	const struct options *o = &client->options;
	GSocketClient *dialer = g_socket_client_new();
	GSocketConnection *connection;
	GSocketConnectable *to;

	(void)with_tls;
	if (o->unix_path != NULL)
		to = G_SOCKET_CONNECTABLE(
			g_unix_socket_address_new(o->unix_path));
	else
		to = g_network_address_new(
			o->host, (guint16)g_ascii_strtoull(o->port, NULL, 10));
	connection = g_socket_client_connect(dialer, to, NULL, NULL);
	if (connection != NULL) {
		/* The library gets a descriptor of its own. */
		spice_channel_open_fd(
			channel,
			dup(g_socket_get_fd(
				g_socket_connection_get_socket(connection))));
		g_object_unref(connection);
	} else {
		client_error(client, "cannot connect for a channel");
	}
	g_object_unref(to);
	g_object_unref(dialer);
}

/* The manager of USB devices connects its channels; without it we do. */
static void add_usb(struct client *client, SpiceChannel *channel)
{
	if (client->usb == NULL)
		spice_channel_connect(channel);
}

/* Some clients have no use for a channel that they are offered. */
static bool leaves(const struct client *client, SpiceChannel *channel)
{
	int type = 0;

	g_object_get(channel, "channel-type", &type, NULL);
	return client->options.leave != NULL &&
	       strcmp(spice_channel_type_to_string(type),
		      client->options.leave) == 0;
}

static void channel_new(SpiceSession *session, SpiceChannel *channel,
			gpointer user)
{
	struct client *client = user;

	(void)session;
	if (leaves(client, channel))
		return;
	client->channels++;
	g_signal_connect(channel, "channel-event", G_CALLBACK(channel_event),
			 client);
	if (client->options.pass)
		g_signal_connect(channel, "open-fd", G_CALLBACK(open_fd),
				 client);
	if (SPICE_IS_MAIN_CHANNEL(channel)) {
		client->main = channel;
		return; /* connects itself */
	}
	if (SPICE_IS_USBREDIR_CHANNEL(channel)) {
		add_usb(client, channel);
		return;
	}
	if (SPICE_IS_DISPLAY_CHANNEL(channel))
		picture_add(client, channel);
	else if (SPICE_IS_INPUTS_CHANNEL(channel))
		client->picture.inputs = SPICE_INPUTS_CHANNEL(channel);
	else if (SPICE_IS_PORT_CHANNEL(channel))
		streams_add(client, SPICE_PORT_CHANNEL(channel));
	spice_channel_connect(channel);
}

static void channel_destroy(SpiceSession *session, SpiceChannel *channel,
			    gpointer user)
{
	struct client *client = user;

	(void)session;
	if (leaves(client, channel))
		return;
	client->channels--;
	if (client->open > 0)
		client->open--;
	if (client->main == channel)
		client->main = NULL;
	streams_remove(client, channel);
	picture_remove(client, channel);
}

static void migration_state(GObject *object, GParamSpec *spec, gpointer user)
{
	(void)object;
	(void)spec;
	moves_state_changed(user);
}

static void disconnected(SpiceSession *session, gpointer user)
{
	struct client *client = user;

	(void)session;
	if (client->quitting)
		return;
	client_error(client, "the session has ended");
	client->ended = true;
	g_main_loop_quit(client->loop);
}

void session_open(struct client *client)
{
	const struct options *o = &client->options;
	GError *error = NULL;
	bool opened;

	client->session = spice_session_new();
	g_object_set(client->session, "password", o->password, "enable-audio",
		     FALSE, "enable-smartcard", FALSE, "enable-usbredir", TRUE,
		     NULL);
	if (o->unix_path != NULL)
		g_object_set(client->session, "unix-path", o->unix_path, NULL);
	else
		g_object_set(client->session, "host", o->host, "port", o->port,
			     NULL);
	g_signal_connect(client->session, "channel-new",
			 G_CALLBACK(channel_new), client);
	g_signal_connect(client->session, "channel-destroy",
			 G_CALLBACK(channel_destroy), client);
	g_signal_connect(client->session, "notify::migration-state",
			 G_CALLBACK(migration_state), client);
	g_signal_connect(client->session, "disconnected",
			 G_CALLBACK(disconnected), client);
	client->usb = spice_usb_device_manager_get(client->session, &error);
	g_clear_error(&error);
	opened = o->pass ? spice_session_open_fd(client->session, -1)
			 : spice_session_connect(client->session);
	if (!opened) {
		client_error(client, "cannot connect");
		client->ended = true;
	}
}
