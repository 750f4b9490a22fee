/* lwipopts.h - lwIP's options: TCP over Ethernet, no threads, no malloc.
 *
 * LWIP_PEER_VARIANT says what kind of peer it is:
 *
 *   full    window scale, timestamps, SACK, out-of-order queue
 *   plain   no options but MSS, 64 KiB of window
 *   small   MSS of 536 and a window of four segments
 */
#pragma once

#include <stdint.h>

#define NO_SYS               1
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_IPV4            1
#define LWIP_IPV6            0
#define LWIP_UDP             0
#define LWIP_DHCP            0
#define LWIP_DNS             0
#define LWIP_AUTOIP          0
#define LWIP_IGMP            0
#define LWIP_RAW             0
#define LWIP_STATS           0
#define IP_REASSEMBLY        0
#define IP_FRAG              0
#define LWIP_TCP             1
#define TCP_QUEUE_OOSEQ      1
#define LWIP_TCP_KEEPALIVE   1
#define TCP_LISTEN_BACKLOG   1

#define MEM_ALIGNMENT         8
#define MEM_SIZE              (4 * 1024 * 1024)
#define MEMP_NUM_PBUF         256
#define MEMP_NUM_TCP_PCB      32
#define MEMP_NUM_TCP_SEG      1024
#define MEMP_NUM_ARP_QUEUE    64
#define ARP_QUEUEING          1
#define PBUF_POOL_SIZE        512
#define PBUF_POOL_BUFSIZE     1600
#define TCP_SYNMAXRTX         12
#define TCP_MSL               3600000UL /* LAST_ACK ends after two of them */
#define TCP_MAXRTX            12
#define LWIP_CHECKSUM_ON_COPY 0

#define LWIP_PEER_FULL  1
#define LWIP_PEER_PLAIN 2
#define LWIP_PEER_SMALL 3

#ifndef LWIP_PEER_VARIANT
#define LWIP_PEER_VARIANT LWIP_PEER_FULL
#endif

#if LWIP_PEER_VARIANT == LWIP_PEER_FULL
#define TCP_MSS               1460
#define LWIP_WND_SCALE        1
#define TCP_RCV_SCALE         2
#define TCP_WND               (96 * TCP_MSS)
#define TCP_SND_BUF           (64 * TCP_MSS)
#define LWIP_TCP_TIMESTAMPS   1
#define LWIP_TCP_SACK_OUT     1
#define LWIP_TCP_MAX_SACK_NUM 4
#elif LWIP_PEER_VARIANT == LWIP_PEER_PLAIN
#define TCP_MSS     1460
#define TCP_WND     (44 * TCP_MSS)
#define TCP_SND_BUF (22 * TCP_MSS)
#else
#define TCP_MSS     536
#define TCP_WND     (4 * TCP_MSS)
#define TCP_SND_BUF (4 * TCP_MSS)
#endif
#define TCP_SND_QUEUELEN (4 * TCP_SND_BUF / TCP_MSS)

/* Numbers come from the seed. */
uint32_t lwip_peer_random(void);
uint32_t lwip_peer_isn(void);
#define LWIP_RAND() lwip_peer_random()
#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) \
	lwip_peer_isn()
