/*
 * Generated from the tables in mvsdk/abi/microvisor. Do not edit: change the tables, then run `python -m mvsdk.abi.generate`.
 */

/*
 * Absolute Thumb functions: bit 0 of the value tells linker and processor that the gateway is Thumb code. They are too
 * far from flash for a direct branch, so the linker puts a veneer in between.
 */

    .syntax unified
    .thumb

    .macro gateway name, address
    .global \name
    .type \name, %function
    .set \name, \address + 1
    .size \name, 8
    .endm

    gateway mvEnableFastInterrupt, 0x0c1fe000
    gateway mvWriteChannelStream, 0x0c1fe008
    gateway mvGetMicroseconds, 0x0c1fe010
    gateway mvGetSysClk, 0x0c1fe018
    gateway mvDisableAllFastInterrupts, 0x0c1fe020
    gateway mvGetDeviceId, 0x0c1fe028
    gateway mvWriteChannel, 0x0c1fe030
    gateway mvGetWallTime, 0x0c1fe038
    gateway mvRequestNetwork, 0x0c1fe040
    gateway mvGetChannelClosureReason, 0x0c1fe048
    gateway mvCloseNotifications, 0x0c1fe050
    gateway mvSetFastInterrupt, 0x0c1fe058
    gateway mvTemporaryStructTest, 0x0c1fe060
    gateway mvDisableFastInterrupt, 0x0c1fe068
    gateway mvReadChannelComplete, 0x0c1fe070
    gateway mvClearFastInterrupt, 0x0c1fe078
    gateway mvSetupNotifications, 0x0c1fe080
    gateway mvGetPClk1, 0x0c1fe088
    gateway mvGetPClk2, 0x0c1fe090
    gateway mvEnableAllFastInterrupts, 0x0c1fe098
    gateway mvPeriphPoke32, 0x0c1fe0a8
    gateway mvReadChannel, 0x0c1fe0b0
    gateway mvGetHClk, 0x0c1fe0b8
    gateway mvOpenChannel, 0x0c1fe0c0
    gateway mvGetNetworkReasons, 0x0c1fe0c8
    gateway mvReleaseNetwork, 0x0c1fe0d0
    gateway mvNoOp, 0x0c1fe0d8
    gateway mvTempTriggerNotification, 0x0c1fe0e0
    gateway mvGetNetworkStatus, 0x0c1fe0e8
    gateway mvPeriphPeek32, 0x0c1fe0f0
    gateway mvCloseChannel, 0x0c1fe0f8
    gateway mvSendHttpRequest, 0x0c1fe100
    gateway mvReadHttpResponseBody, 0x0c1fe108
    gateway mvReadHttpResponseHeader, 0x0c1fe110
    gateway mvReadHttpResponseData, 0x0c1fe118
    gateway mvServerLoggingInit, 0x0c1fe120
    gateway mvServerLog, 0x0c1fe128
    gateway mvSendConfigFetchRequest, 0x0c1fe130
    gateway mvReadConfigFetchResponseData, 0x0c1fe138
    gateway mvReadConfigResponseItem, 0x0c1fe140
    gateway mvMqttReadUnsubscribeResponse, 0x0c1fe148
    gateway mvMqttAcknowledgeMessage, 0x0c1fe150
    gateway mvMqttReadDisconnectResponse, 0x0c1fe158
    gateway mvMqttRequestDisconnect, 0x0c1fe160
    gateway mvMqttReadConnectResponse, 0x0c1fe168
    gateway mvMqttRequestPublish, 0x0c1fe170
    gateway mvMqttRequestSubscribe, 0x0c1fe178
    gateway mvMqttReadPublishResponse, 0x0c1fe180
    gateway mvMqttReceiveLostMessageInfo, 0x0c1fe188
    gateway mvMqttReceiveMessage, 0x0c1fe190
    gateway mvMqttGetNextReadableDataType, 0x0c1fe198
    gateway mvMqttRequestUnsubscribe, 0x0c1fe1a0
    gateway mvMqttRequestConnect, 0x0c1fe1a8
    gateway mvMqttReadSubscribeResponse, 0x0c1fe1b0
    gateway mvTestingComplete, 0x0c1fe1b8
    gateway mvTestLog, 0x0c1fe1c0
    gateway mvTestLoggingInit, 0x0c1fe1c8
    gateway mvPowerSave, 0x0c1fe1d0
    gateway mvSystemLedEnable, 0x0c1fe1d8
    gateway mvOpenSystemNotification, 0x0c1fe1e0
    gateway mvCloseSystemNotification, 0x0c1fe1e8
    gateway mvDeepSleep, 0x0c1fe1f0
    gateway mvGetWakeReason, 0x0c1fe1f8
    gateway mvRestart, 0x0c1fe200
    gateway mvExternalFlashClose, 0x0c1fe208
    gateway mvExternalFlashGetInfo, 0x0c1fe210
    gateway mvExternalFlashWriteBlocking, 0x0c1fe218
    gateway mvExternalFlashOpen, 0x0c1fe220
    gateway mvExternalFlashEraseBlocking, 0x0c1fe228
    gateway mvExternalFlashReadBlocking, 0x0c1fe230
    gateway mvSetWifiConfig, 0x0c1fe240
    gateway mvGetWifiConfig, 0x0c1fe248
