// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: count as uint32_t, then of each meta the kind as uint16_t and its body as counted bytes.
#include "plugin/meta_codec.h"

#include <algorithm>
#include <cstring>

namespace sharedring
{

namespace
{

constexpr size_t kHeadBytes = sizeof(uint16_t) + sizeof(uint32_t);

// False: more than the metas of one buffer may have.
bool spend(WireMeta kind, size_t bodySize, size_t &plainBytes, size_t &overlayBytes)
{
    plainBytes += kHeadBytes;
    (kind == WireMeta::VideoOverlayComposition ? overlayBytes : plainBytes) += bodySize;
    return plainBytes <= kMaxPlainMetaBytes && overlayBytes <= kMaxOverlayBytes;
}

} // namespace

MetaWriter::MetaWriter(size_t limit)
    : out_(sizeof(uint32_t) + kMaxMetasBytes), limit_(std::min(limit, kMaxMetasBytes))
{
    out_.number(uint32_t{0}); // the count, once it is known
}

bool MetaWriter::add(WireMeta kind, std::span<const std::byte> body)
{
    size_t plain = plainBytes_;
    size_t overlay = overlayBytes_;
    if (count_ == kMaxMetas || !spend(kind, body.size(), plain, overlay) ||
        out_.size() + kHeadBytes + body.size() > limit_)
        return false;
    out_.number(static_cast<uint16_t>(kind));
    out_.counted(body);
    plainBytes_ = plain;
    overlayBytes_ = overlay;
    count_++;
    return true;
}

std::vector<std::byte> MetaWriter::take()
{
    std::vector<std::byte> bytes = out_.take();
    std::memcpy(bytes.data(), &count_, sizeof count_);
    return bytes;
}

std::optional<std::vector<MetaClaim>> splitMetas(std::span<const std::byte> bytes)
{
    ringcore::ByteReader in(bytes);
    const auto count = in.number<uint32_t>();
    if (in.failed() || count > kMaxMetas)
        return std::nullopt;
    std::vector<MetaClaim> metas;
    metas.reserve(count);
    size_t plain = 0;
    size_t overlay = 0;
    for (uint32_t i = 0; i < count; i++) {
        const auto kind = static_cast<WireMeta>(in.number<uint16_t>());
        const auto body = in.counted(kMaxMetasBytes);
        if (in.failed() || !spend(kind, body.size(), plain, overlay))
            return std::nullopt;
        metas.push_back({kind, body});
    }
    return in.atEnd() ? std::optional(std::move(metas)) : std::nullopt;
}

} // namespace sharedring
