"""Floor 0 of the house: bytes and keys. Nothing here imports the hub; areas and cases are opaque ids.

How the pieces meet, once, where the application is put together::

    store = store_from_url(url, home)
    provider = key_provider_from_url(url, home)
    receipts = ReceiptBook()
    keyring = Keyring(provider, hub=hub_id, store=store, receipts=receipts)

    area_key = keyring.new_area_key(area)                     # kept in the area's row
    case_key = keyring.new_case_key(area_key, area, case)     # kept in the case's row
    vault = keyring.case_vault(area_key, case_key, area, case)

    record = vault.put("document", chunks_or_file)            # kept in the document's row
    reader = vault.open(record, receipt)                      # receipt: of a committed log entry
"""
