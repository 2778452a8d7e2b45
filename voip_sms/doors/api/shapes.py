"""What the bodies of requests must look like, beside a message's own (`requests.py`)."""

from typing import Any, Final

from voip_sms.core.resources import (
    BlockRule,
    ForwardPatch,
    Group,
    IvrFlowPatch,
    KeyPatch,
    Keyword,
    MailSender,
    NewForward,
    NewIvrFlow,
    NewKey,
    NumberPatch,
    SipAccountPatch,
    company,
    mail_gateway,
    oversight,
    webhooks,
)
from voip_sms.doors.api.bodies import Shape

NEW_FORWARD: Final[Shape[Any]] = Shape(NewForward)
FORWARD_PATCH: Final[Shape[ForwardPatch]] = Shape(ForwardPatch)
BLOCK_RULE: Final[Shape[BlockRule]] = Shape(BlockRule)
NEW_KEY: Final[Shape[NewKey]] = Shape(NewKey)
KEY_PATCH: Final[Shape[KeyPatch]] = Shape(KeyPatch)
NUMBER_PATCH: Final[Shape[NumberPatch]] = Shape(NumberPatch)
SIP_ACCOUNT_PATCH: Final[Shape[SipAccountPatch]] = Shape(SipAccountPatch)
NEW_IVR_FLOW: Final[Shape[NewIvrFlow]] = Shape(NewIvrFlow)
IVR_FLOW_PATCH: Final[Shape[IvrFlowPatch]] = Shape(IvrFlowPatch)
NEW_SIP_ACCOUNT: Final[Shape[company.NewSipAccount]] = Shape(company.NewSipAccount)
NEW_SENDER_NAME: Final[Shape[company.NewSenderName]] = Shape(company.NewSenderName)
COMPANY_PATCH: Final[Shape[company.CompanyPatch]] = Shape(company.CompanyPatch)
NUMBER_TO_PROVE: Final[Shape[company.NumberToProve]] = Shape(company.NumberToProve)
CODE_OF_NUMBER: Final[Shape[company.CodeOfNumber]] = Shape(company.CodeOfNumber)
NEW_MAIL_SENDER: Final[Shape[MailSender]] = Shape(MailSender)
MAIL_SENDER_PATCH: Final[Shape[mail_gateway.MailSenderPatch]] = Shape(mail_gateway.MailSenderPatch)
NEW_GROUP: Final[Shape[Group]] = Shape(Group)
GROUP_PATCH: Final[Shape[mail_gateway.GroupPatch]] = Shape(mail_gateway.GroupPatch)
NEW_KEYWORD: Final[Shape[Keyword]] = Shape(Keyword)
KEYWORD_PATCH: Final[Shape[mail_gateway.KeywordPatch]] = Shape(mail_gateway.KeywordPatch)
ASSIGNMENT: Final[Shape[oversight.Assignment]] = Shape(oversight.Assignment)
NAME_DECISION: Final[Shape[oversight.NameDecision]] = Shape(oversight.NameDecision)
REPLAY: Final[Shape[webhooks.ReplayRequest]] = Shape(webhooks.ReplayRequest)
