//! Reading everything that devices know a coordinator by, and giving it to another one.
//!
//! ```text
//! mark unfinished ─> empty ─> form any network ─> overwrite it: address, network, keys, tables ─> restart ─> mark done
//! ```
//!
//! A network has to be formed first, because that makes the tables. While the mark stands, the coordinator counts as
//! one whose network nobody may use: when the power fails in between, it is restored once more, and never resumed.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    command::{
        sys::{NvDelete, NvItem, NvLength, TableLength, TableRead, TableWrite},
        zdo::{StartupFromApp, StateChangeInd},
    },
    coordinator::{AT_WORK, Coordinator, RESUME_LIMIT},
    error::{ZnpError, done},
    memory::{Layout, UNFINISHED, item},
    rows::{NoRoom, Row, SecurityRow, Tables},
};
use crate::{
    adapter::zigbee::{
        address::Channels,
        backup::Backup,
        network::{Held, Key, Wish},
        wire::{Bytes8, Reader, Wire as _},
    },
    model::Timestamp,
};

/// Tables of Z-Stack 3.x (`ZComDef.h`, extended items).
mod table {
    /// Addresses of devices.
    pub(super) const ADDRESSES: u16 = 0x0001;
    /// Keys made of the seed.
    pub(super) const SEEDS: u16 = 0x0004;
    /// Other keys.
    pub(super) const KEYS: u16 = 0x0006;
    /// Counters of frames.
    pub(super) const COUNTERS: u16 = 0x0007;
}

/// Whose memory the tables are in: Z-Stack's.
const STACK: u8 = 1;

/// More rows than any table has; a chip that tells of more is not read.
const MAX_ROWS: u16 = 2048;

/// Throws configuration and network away at the next start (`ZCD_STARTOPT_CLEAR_CONFIG`, `_CLEAR_STATE`).
const CLEAR: u8 = 0x03;

impl<L: AsyncRead + AsyncWrite + Unpin + Send> Coordinator<L> {
    /// Reads what there is. It takes a request for each row of each table, about two seconds on a serial line.
    pub(super) async fn copy(&mut self) -> Result<Backup, ZnpError> {
        self.require_tables()?;
        let state = self.item(item::NIB).await?.ok_or(ZnpError::Empty)?;
        let held = self.look().await?.ok_or(ZnpError::Empty)?;
        let layout = Layout::of(&state).ok_or(ZnpError::Memory("the state of the network"))?;
        let key = self.item(item::ACTIVE_KEY).await?;
        let seed = self.item(item::SEED).await?;
        let seed = seed.and_then(|seed| Some(Key::new(seed.get(..16)?.try_into().ok()?)));
        let tables = self.tables().await?;
        Ok(Backup {
            made: None,
            ieee: self.own_address().await?,
            key_number: key.and_then(|key| key.first().copied()).unwrap_or(0),
            frame_counter: tables.counter(held.network.extended_pan).unwrap_or(0),
            update_id: state[layout.update_id],
            security_level: state[Layout::SECURITY],
            channels: layout.channels(&state),
            members: tables.members(seed.as_ref()),
            seed,
            held,
        })
    }

    /// Gives the stick what another one had. It was made sure that what it holds may go.
    pub(super) async fn replace(&mut self, backup: &Backup, now: Timestamp) -> Result<(), ZnpError> {
        self.require_tables()?;
        let before = self.counter_of(&backup.held).await;
        self.clear().await?;
        self.form_any().await?;
        // Where the same network was held, its counter may be beyond that of the document.
        let counter = backup.next_counter(now).max(before.map_or(0, Backup::next_link_counter));
        self.overwrite(backup, counter).await?;
        self.reset().await?;
        self.host().request(&StartupFromApp { delay_ms: 100 }).await?;
        self.wait_for::<StateChangeInd>("starting", RESUME_LIMIT, |change| change.state == AT_WORK).await?;
        if self.network_held().await?.as_ref() != Some(&backup.held) {
            return Err(ZnpError::Memory("the network that was just written"));
        }
        self.write_item(item::CONFIGURED, &[super::memory::CONFIGURED]).await
    }

    /// Other firmware keeps its tables elsewhere.
    fn require_tables(&self) -> Result<(), ZnpError> {
        if self.has_tables() { Ok(()) } else { Err(ZnpError::Tables) }
    }

    /// The counter of a network in the memory, where it is the same; what cannot be read is not known.
    async fn counter_of(&mut self, wanted: &Held) -> Option<u32> {
        let held = self.network_held().await.ok()??;
        let is_same = held.key == wanted.key && held.network.extended_pan == wanted.network.extended_pan;
        if !is_same {
            return None;
        }
        let counters = self.rows(table::COUNTERS).await.ok()?;
        Tables { counters, ..Tables::default() }.counter(wanted.network.extended_pan)
    }

    /// Throws away what the stick holds.
    async fn clear(&mut self) -> Result<(), ZnpError> {
        self.write_item(item::CONFIGURED, &[UNFINISHED]).await?;
        let length = self.host().request(&NvLength { id: item::NIB }).await?.length;
        if length > 0 {
            done::<NvDelete>(self.host().request(&NvDelete { id: item::NIB, length }).await?.status)?;
        }
        self.write_item(item::STARTUP, &[CLEAR]).await?;
        self.reset().await?;
        self.write_item(item::STARTUP, &[0]).await?;
        // Clearing may have taken the mark with it.
        self.write_item(item::CONFIGURED, &[UNFINISHED]).await
    }

    /// Forms a network of chance, which makes the tables.
    async fn form_any(&mut self) -> Result<(), ZnpError> {
        let plan = Wish::default().plan().map_err(|_| ZnpError::Chance)?;
        self.form_on_empty(&plan).await
    }

    /// Writes everything over what was formed.
    async fn overwrite(&mut self, backup: &Backup, counter: u32) -> Result<(), ZnpError> {
        let tables = Tables::of(backup, counter, &self.tables().await?)?;
        let state = self.item(item::NIB).await?.ok_or(ZnpError::Empty)?;
        let state = state_with(&state, backup).ok_or(ZnpError::Memory("the state of the network"))?;
        let mut key = vec![backup.key_number];
        key.extend_from_slice(backup.held.key.expose());
        self.write_item(item::OWN_ADDRESS, &backup.ieee.to_bytes()).await?;
        self.write_item(item::NIB, &state).await?;
        self.write_start(item::ACTIVE_KEY, &key).await?;
        self.write_start(item::OTHER_KEY, &key).await?;
        if let Some(seed) = &backup.seed {
            self.write_item(item::SEED, seed.expose()).await?;
        }
        self.write_tables(&tables).await?;
        let channels = Channels::only(backup.held.network.channel).expect("the backup was checked");
        self.write_plan(&backup.held, channels).await
    }

    /// Reads all tables.
    async fn tables(&mut self) -> Result<Tables, ZnpError> {
        Ok(Tables {
            addresses: self.rows(table::ADDRESSES).await?,
            seeds: self.rows(table::SEEDS).await?,
            security: security(&self.item(item::SECURITY).await?.unwrap_or_default())?,
            keys: self.rows(table::KEYS).await?,
            counters: self.rows(table::COUNTERS).await?,
        })
    }

    /// Writes all tables.
    async fn write_tables(&mut self, tables: &Tables) -> Result<(), ZnpError> {
        self.write_rows(table::COUNTERS, &tables.counters).await?;
        self.write_rows(table::ADDRESSES, &tables.addresses).await?;
        let used = tables.security.iter().filter(|row| row.is_used()).count();
        let mut item = u16::try_from(used).unwrap_or(u16::MAX).to_bytes();
        tables.security.iter().for_each(|row| row.write(&mut item));
        self.write_item(item::SECURITY, &item).await?;
        self.write_rows(table::KEYS, &tables.keys).await?;
        self.write_rows(table::SEEDS, &tables.seeds).await
    }

    /// Reads the rows of a table; it ends where there is none.
    async fn rows<R: Row>(&mut self, item: u16) -> Result<Vec<R>, ZnpError> {
        let mut rows = Vec::new();
        let wanted = R::free().to_bytes().len();
        for sub in 0..MAX_ROWS {
            let item = NvItem { system: STACK, item, sub };
            let length = self.host().request(&TableLength { item: item.clone() }).await?.length;
            if length == 0 {
                return Ok(rows);
            }
            let length = u8::try_from(length).ok().filter(|length| usize::from(*length) == wanted);
            let length = length.ok_or(ZnpError::Memory("a row of a table"))?;
            let row = self.host().request(&TableRead { item, offset: 0, length }).await?;
            done::<TableRead>(row.status)?;
            rows.push(R::from_bytes(row.value.as_slice()).map_err(|_| ZnpError::Memory("a row of a table"))?);
        }
        Err(ZnpError::Memory("a table that long"))
    }

    /// Writes the rows of a table that is there.
    async fn write_rows<R: Row>(&mut self, item: u16, rows: &[R]) -> Result<(), ZnpError> {
        for (sub, row) in (0u16..).zip(rows) {
            let item = NvItem { system: STACK, item, sub };
            let write = TableWrite { item, offset: 0, value: Bytes8::try_from(row.to_bytes())? };
            done::<TableWrite>(self.host().request(&write).await?.status)?;
        }
        Ok(())
    }

    /// Writes the beginning of an item; newer firmware has a counter behind a key.
    async fn write_start(&mut self, id: u16, value: &[u8]) -> Result<(), ZnpError> {
        let mut whole = self.item(id).await?.unwrap_or_default();
        whole.resize(whole.len().max(value.len()), 0);
        whole[..value.len()].copy_from_slice(value);
        self.write_item(id, &whole).await
    }
}

/// The rows behind the number of used ones.
fn security(item: &[u8]) -> Result<Vec<SecurityRow>, ZnpError> {
    let rows = Reader::new(item.get(2..).unwrap_or_default()).read_all();
    rows.map_err(|_| ZnpError::Memory("the table of keys"))
}

/// The state of a network that was formed, with everything of the one that is wanted in it.
fn state_with(state: &[u8], backup: &Backup) -> Option<Vec<u8>> {
    let layout = Layout::of(state)?;
    let mut state = state.to_vec();
    layout.write(&mut state, &backup.held.network);
    state[Layout::SECURITY] = backup.security_level;
    state[layout.channels..layout.channels + 4].copy_from_slice(&backup.channels.to_bytes());
    state[layout.update_id] = backup.update_id;
    Some(state)
}

impl From<NoRoom> for ZnpError {
    fn from(error: NoRoom) -> Self {
        Self::Room(error)
    }
}
