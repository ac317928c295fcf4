/* What the other side left for us to do with a packet that it sent (virtio 1.2, 5.1.6.2).
 *
 * The header is copied before it is looked at, and what it says is compared with the packet's own
 * headers: a checksum to be completed must lie in the packet, segments must be of TCP and of some
 * length. Else the packet is taken as it is, and the header counted. hdr_len is a hint that nothing
 * here needs. */
#include "drivers/vnet.h"
#include "eal/vlan.h"

/* What is asked, and of which packet. */
struct request {
	const struct vnet_offload *offload;
	struct mbuf *m;
	struct virtio_net_hdr header; /* our copy */
	struct net_hdrs hdrs;
	bool is_crc;
	bool has_lengths; /* the mbuf has */
	bool is_known;    /* hdrs is filled in, and the checksum is the one of UDP or TCP */
};

static bool field_is_inside(const struct request *req)
{
	return (uint32_t)req->header.csum_start + req->header.csum_offset + 2 <= req->m->pkt_len;
}

/* Whether it is the usual checksum, whose place flags can tell; SCTP has none but a CRC, which no
 * sum completes. */
static void find_field(struct request *req)
{
	const struct net_hdrs *hdrs = &req->hdrs;
	bool is_first = net_parse(req->m, &req->hdrs) &&
	                req->header.csum_start == hdrs->l2_len + hdrs->l3_len;

	req->is_crc = is_first && hdrs->proto == IP_PROTO_SCTP;
	req->is_known =
	        is_first && !req->is_crc && req->header.csum_offset == cksum_field(hdrs->proto);
}

/* Segments of TCP, as was agreed; their checksums cannot be right before there are any
 * (virtio 1.2, 5.1.6.2.1). ECN is not offered. */
static bool segments_are_known(const struct request *req)
{
	const struct vnet_offload *offload = req->offload;
	uint8_t type = req->header.gso_type;

	if (!req->is_known || req->hdrs.proto != IP_PROTO_TCP || req->header.gso_size == 0)
		return false;
	return req->hdrs.is_ipv6 ? type == VIRTIO_NET_HDR_GSO_TCPV6 && offload->tso6
	                         : type == VIRTIO_NET_HDR_GSO_TCPV4 && offload->tso4;
}

static void tell_lengths(struct request *req)
{
	struct mbuf *m = req->m;

	m->l2_len = (uint8_t)req->hdrs.l2_len;
	m->l3_len = req->hdrs.l3_len;
	m->l4_len = (uint8_t)req->hdrs.l4_len;
	req->has_lengths = true;
}

/* As flags of a packet to be sent, which older programs hand on as they are. */
static void tell_legacy(struct request *req)
{
	req->m->ol_flags |= req->hdrs.is_ipv6 ? MBUF_F_TX_IPV6 : MBUF_F_TX_IPV4;
	req->m->ol_flags |=
	        req->hdrs.proto == IP_PROTO_UDP ? MBUF_F_TX_UDP_CKSUM : MBUF_F_TX_TCP_CKSUM;
	tell_lengths(req);
}

static void take_cksum(struct request *req)
{
	uint32_t start = req->header.csum_start;
	struct mbuf *m = req->m;

	if (req->is_known && req->offload->legacy) {
		tell_legacy(req);
	} else if (req->is_known && !req->offload->sw_csum) {
		m->ol_flags |= MBUF_F_RX_L4_CKSUM_NONE;
		tell_lengths(req);
	} else if (net_cksum_complete(m, start, m->pkt_len - start, req->header.csum_offset)) {
		m->ol_flags |= req->is_known ? MBUF_F_RX_L4_CKSUM_GOOD : 0;
	}
}

static void take_segments(struct request *req)
{
	req->m->ol_flags |= req->offload->legacy ? MBUF_F_TX_TCP_SEG : MBUF_F_RX_LRO;
	req->m->tso_segsz = req->header.gso_size;
	tell_lengths(req);
}

/* False when something was asked that cannot be. */
static bool take_header(struct request *req)
{
	bool has_cksum = req->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	if (has_cksum && !field_is_inside(req))
		return false;
	if (has_cksum) {
		find_field(req);
		if (req->is_crc)
			return false;
		take_cksum(req);
	}
	if (req->header.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if (!segments_are_known(req))
		return false;
	take_segments(req);
	return true;
}

bool vnet_rx_offload(const struct vnet_offload *offload, struct mbuf *m, const uint8_t *header)
{
	struct request req = {.offload = offload, .m = m};
	bool is_good;

	memcpy(&req.header, header, offsetof(struct virtio_net_hdr, num_buffers));
	/* one read: what is checked below is what is used */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	is_good = !offload->header_mask || take_header(&req);
	if (offload->vlan_strip && vlan_strip(m) && req.has_lengths)
		m->l2_len -= (uint8_t)sizeof(struct vlan_hdr);
	return is_good;
}
