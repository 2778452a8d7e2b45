"""The one vocabulary of `apply`, `/v1` and the panel: what exists, how it is written, and how it is shown."""

from voip_sms.core.resources.answers import (
    IvrFlowPatch,
    KeyPatch,
    NewIvrFlow,
    NewKey,
    NumberPatch,
    SipAccountPatch,
    balance_resource,
    carrier_resource,
    page,
)
from voip_sms.core.resources.complaints import Complaint, complaints
from voip_sms.core.resources.config_file import ConfigFile
from voip_sms.core.resources.customers import (
    BlockRule,
    Group,
    IvrFlow,
    Key,
    Keyword,
    MailLimits,
    MailSender,
    OwnNumber,
    SenderName,
    SipAccount,
    Tenant,
)
from voip_sms.core.resources.forwards import Forward, ForwardPatch, NewForward, Subscription
from voip_sms.core.resources.identities import Identity
from voip_sms.core.resources.messages import (
    SendRequest,
    item_resource,
    message_resource,
    plan_resource,
    price_resource,
    submission_resource,
)
from voip_sms.core.resources.network import Carrier, Operator, Pool, PriceList, Rate, Route, SmppCarrier
from voip_sms.core.resources.problems import InvalidError, invalid, problem

__all__ = [
    "BlockRule",
    "Carrier",
    "Complaint",
    "ConfigFile",
    "Forward",
    "ForwardPatch",
    "Group",
    "Identity",
    "InvalidError",
    "IvrFlow",
    "IvrFlowPatch",
    "Key",
    "KeyPatch",
    "Keyword",
    "MailLimits",
    "MailSender",
    "NewForward",
    "NewIvrFlow",
    "NewKey",
    "NumberPatch",
    "Operator",
    "OwnNumber",
    "Pool",
    "PriceList",
    "Rate",
    "Route",
    "SendRequest",
    "SenderName",
    "SipAccount",
    "SipAccountPatch",
    "SmppCarrier",
    "Subscription",
    "Tenant",
    "balance_resource",
    "carrier_resource",
    "complaints",
    "invalid",
    "item_resource",
    "message_resource",
    "page",
    "plan_resource",
    "price_resource",
    "problem",
    "submission_resource",
]
